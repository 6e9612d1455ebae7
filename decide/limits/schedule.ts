/** Other bounds at other times: in the evening, at the weekend, in the minutes before a campaign. */
import type { LimitKind } from '../kinds.ts';
import { unknownName } from '../options.ts';
import { isTimeZone, timeZones, wallTime } from '../wall-clock.ts';
import { firstMatch, parseWeek } from '../week.ts';
import { number } from '../wording.ts';

export const schedule: LimitKind = {
  use: 'schedule',
  title: 'Schedule',
  help: "Within its ranges of time their counts take the place of the manager's minimum and maximum.",
  reach: 'set',
  options: [
    {
      name: 'ranges',
      label: 'Ranges',
      help: 'Days, times and counts, the first match holds: "mon-fri 09:00-17:30 min 2 max 10; sat,sun 00:00-24:00 max 1".',
      type: 'text',
      format: 'week',
    },
    {
      name: 'timeZone',
      label: 'Time zone',
      help: 'A name such as "Europe/Berlin"; summer time is followed.',
      type: 'text',
      format: 'time-zone',
      default: 'UTC',
    },
  ],
  problems({ ranges, timeZone }) {
    const parsed = parseWeek(String(ranges));
    const zone = String(timeZone);
    return [
      ...(parsed.ok ? [] : parsed.problems),
      ...(isTimeZone(zone) ? [] : [unknownName('time zone', zone, sameRegion(zone))]),
    ];
  },
  create(options) {
    const parsed = parseWeek(String(options.ranges));
    const ranges = parsed.ok ? parsed.ranges : [];
    const at = (now: number) => firstMatch(ranges, wallTime(now, String(options.timeZone)));
    return {
      apply(count, _view, now) {
        const { text, minimum, maximum } = at(now) ?? {};
        if (maximum !== undefined && count > maximum)
          return { count: maximum, reason: `at most ${number(maximum)} now: ${text}` };
        if (minimum !== undefined && count < minimum)
          return { count: minimum, reason: `at least ${number(minimum)} now: ${text}` };
        return { count };
      },
      boundsAt(now) {
        const { minimum, maximum } = at(now) ?? {};
        return { ...(minimum !== undefined && { minimum }), ...(maximum !== undefined && { maximum }) };
      },
    };
  },
};

/** There are over four hundred zones: where none is near, those of the same part of the world are told. */
function sameRegion(name: string): string[] {
  const region = timeZones().filter((zone) => zone.split('/')[0] === name.split('/')[0]);
  return region.length > 0 ? region : ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Tokyo'];
}
