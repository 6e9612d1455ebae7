/**
 * From what Redis holds of a Celery queue, and what the workers said that they run, to counts. Pure. What is due later is later
 * wherever it lies: in a list, because no worker has taken it yet, or with a worker that waits for its time.
 */
import { fieldsOf, parseJson, timeOf } from './celery-control.ts';
import { cannotTell, type QueueLook } from './look.ts';

/** Whether a message that was sent so ends in the queue. */
export type LeadsHere = (exchange: string, routingKey: string) => boolean;

export interface Message {
  readonly id?: string | undefined;
  readonly dueAt?: number | undefined;
  readonly since?: number | undefined;
}

export interface All {
  readonly lists: readonly [number, string[]][];
  readonly here: readonly Message[];
  /** For how many of the held each one read stands. */
  readonly heldShare: number;
  readonly running: ReadonlySet<string> | undefined;
  readonly at: number;
}

export function countAll({ lists, here, heldShare, running, at }: All): QueueLook {
  const isLater = ({ dueAt = 0 }: Message): boolean => dueAt > at;
  let waiting = 0;
  let later = 0;
  const since: (number | undefined)[] = [];
  for (const [length, texts] of lists) {
    const messages = texts.map((text) => messageOf(parseJson(text)));
    const due = messages.filter((message) => !isLater(message));
    const dueCount = texts.length === 0 ? 0 : Math.round((length * due.length) / texts.length);
    waiting += dueCount;
    later += length - dueCount;
    if (due.length > 0) since.push(due.at(-1)?.since);
  }
  const dueHere = here.filter((message) => !isLater(message));
  const heldWaiting = dueHere.filter(({ id }) => id === undefined || !running?.has(id));
  waiting += Math.round(heldWaiting.length * heldShare);
  later += Math.round((here.length - dueHere.length) * heldShare);
  since.push(...heldWaiting.map((message) => message.since));
  if (!running && waiting === 0)
    throw cannotTell('nothing waits, and not every worker answered what it runs: one may be at work');
  const known = since.filter((time) => time !== undefined);
  // Held ones may be running until the workers have said what they run.
  const mixed = !running && heldWaiting.length > 0;
  const oldestSeconds = known.length === 0 ? 0 : Math.max(0, at - Math.min(...known)) / 1_000;
  return {
    waiting,
    later,
    ...(running && { running: running.size }),
    ...(known.length === since.length && !mixed && { oldestSeconds }),
    ...((heldShare > 1 || lists.some(([length, { length: read }]) => length > read && later > 0)) && {
      estimated: true,
    }),
  };
}

export function heldHere(text: string, leadsHere: LeadsHere): Message[] {
  const [message, exchange, routingKey] = (parseJson(text) as unknown[] | undefined) ?? [];
  if (typeof exchange !== 'string' || typeof routingKey !== 'string') return [];
  return leadsHere(exchange, routingKey) ? [messageOf(message)] : [];
}

/** Protocol 2 has all in the headers, protocol 1 in the body. What is broken counts as a message that is due. */
function messageOf(value: unknown): Message {
  const { headers: given, properties, body } = fieldsOf(value);
  const headers = fieldsOf(given);
  const old = headers.task === undefined && typeof body === 'string';
  const task = old ? fieldsOf(parseJson(Buffer.from(String(body), 'base64').toString())) : headers;
  const dueAt = timeOf(task.eta);
  const published =
    timeOf(fieldsOf(properties).published_at ?? headers.published_at) ?? timeOf(headers.run_at);
  return {
    id: typeof task.id === 'string' ? task.id : undefined,
    dueAt,
    since: published === undefined ? undefined : Math.max(published, dueAt ?? 0),
  };
}
