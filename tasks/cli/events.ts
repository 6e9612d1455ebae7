/** `headcount-tasks events`: a line per event. Names of tasks are remembered from their first event; later ones have ids only. */
import type { EventSeen } from '../control.ts';
import { closeSoon, inTime, openPlace, type PlaceOptions } from './place.ts';
import { amount, say, short, span } from './print.ts';

interface EventsFlags extends PlaceOptions {
  readonly group?: 'task' | 'worker';
  readonly enable?: boolean;
  readonly count?: number;
  readonly json?: boolean;
}

const mostNames = 10_000;

export async function events(flags: EventsFlags): Promise<void> {
  const { app } = await openPlace(flags);
  const limitMs = (flags.timeout ?? 10) * 1000;
  const names = new Map<string, string>();
  let heard = 0;
  let finish: () => void = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const hear = (event: EventSeen): void => {
    if (heard >= (flags.count ?? Infinity)) return;
    heard++;
    say(flags.json ? JSON.stringify(event) : line(event, names));
    if (heard === flags.count) finish();
  };
  try {
    const end = await inTime(app.control.events(hear, flags.group), limitMs);
    if (flags.enable)
      await inTime(app.control.enableEvents({ timeoutMs: Math.min(limitMs, 1_000) }), limitMs);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, finish);
    if (!flags.json) process.stderr.write('listening; Ctrl-C ends it\n');
    await finished;
    await Promise.race([end(), new Promise((resolve) => setTimeout(resolve, 1_000).unref())]);
    if (!flags.json) process.stderr.write(`${amount(heard, 'event')}\n`);
  } finally {
    await closeSoon(app);
  }
}

/** `12:03:04.123  task-succeeded    worker.1@host  add[3f2c…] in 0.2 s: 5` */
export function line(event: EventSeen, names: Map<string, string>): string {
  const time = new Date(event.timestamp * 1000);
  const clock = Number.isNaN(time.getTime()) ? '??:??:??' : time.toTimeString().slice(0, 8);
  const head = `${clock}.${String(time.getMilliseconds() || 0).padStart(3, '0')}  ${event.type.padEnd(16)}  ${event.hostname}`;
  const text = event.type.startsWith('worker-') ? aboutWorker(event) : aboutTask(event, names);
  return text === '' ? head : `${head}  ${text}`;
}

function aboutWorker({ active, processed }: EventSeen): string {
  return active === undefined ? '' : `${String(active)} active, ${String(processed ?? 0)} processed`;
}

function aboutTask(event: EventSeen, names: Map<string, string>): string {
  const id = String(event.uuid ?? '');
  if (typeof event.name === 'string') {
    if (names.size >= mostNames) names.clear();
    names.set(id, event.name);
  }
  const { args, kwargs, runtime, result, exception, eta, retries } = event;
  const about = [
    args === undefined ? '' : short(args, 40),
    kwargs === undefined || kwargs === '{}' ? '' : short(kwargs, 40),
    typeof eta === 'string' ? `not before ${eta}` : '',
    Number(retries) > 0 ? `try ${Number(retries) + 1}` : '',
    typeof runtime === 'number' ? `in ${span(runtime)}` : '',
    result === undefined ? '' : `-> ${short(result)}`,
    exception === undefined ? '' : short(exception),
  ];
  return [`${names.get(id) ?? '?'}[${id}]`, ...about].filter((part) => part !== '').join(' ');
}
