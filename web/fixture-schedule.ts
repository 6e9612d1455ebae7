/** A limit whose options are a week and a time zone, as the stand-in for the controller describes it. */
import type { Adapter } from '../server/api.ts';

export const schedule: Adapter = {
  use: 'schedule',
  title: 'Schedule',
  help: "Within its ranges of time their counts take the place of the manager's minimum and maximum.",
  options: [
    {
      name: 'ranges',
      label: 'Ranges',
      help: 'Days, times and counts, the first match holds.',
      type: 'text',
      format: 'week',
    },
    {
      name: 'timeZone',
      label: 'Time zone',
      help: 'Summer time is followed.',
      type: 'text',
      format: 'time-zone',
      default: 'UTC',
    },
  ],
};
