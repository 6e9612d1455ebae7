/** No task was heard: what has to be switched on, by what the meters themselves say of it. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { queries } from '../queries.ts';
import { Empty } from './states.tsx';

/** The option by which a meter hears of single tasks, whichever meter it is. */
const listening = 'events';

export function TasksUnheard({ app, filtered }: { app: string; filtered: boolean }) {
  const { data: adapters } = useQuery(queries.adapters());
  const { data: apps = [] } = useQuery(queries.apps());
  const able = (adapters?.meters ?? []).filter(({ options }) =>
    options.some(({ name }) => name === listening),
  );
  const managers = apps.find(({ name }) => name === app)?.managers ?? [];
  const meters = managers.flatMap((manager) => manager.meters.map((meter) => ({ ...meter, manager })));
  const isOn = meters.some(({ options }) => options?.[listening] === true);
  const could = meters.find(({ use }) => able.some((meter) => meter.use === use));
  const label = able[0]?.options.find(({ name }) => name === listening)?.label ?? 'Listen to events';
  if (filtered || isOn)
    return (
      <Empty title="No task was heard in this time">
        {filtered
          ? 'Take the queue away, or look at a longer time.'
          : 'Its workers are asked for events; a task is here a few seconds after a worker began it. Look at a longer time.'}
      </Empty>
    );
  return (
    <Empty
      title="Nobody listens to the tasks of this app"
      action={
        could && (
          <Link
            to="/apps/$app/$processType"
            params={{ app, processType: could.manager.processType }}
            search={{ view: 'settings' }}
          >
            Settings of {could.manager.processType}
          </Link>
        )
      }
    >
      {could
        ? `Switch “${label}” on in its meter. The workers are then told to send events, and rates, run times, waits and failures appear here by name of the task.`
        : `It takes a meter that can listen: ${able.map(({ title }) => title).join(', ')}. Choose one for a manager of this app and switch “${label}” on.`}{' '}
      How long a task waited is known only where producers say when they sent it.
    </Empty>
  );
}
