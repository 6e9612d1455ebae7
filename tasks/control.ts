/**
 * Asks and commands workers, Python's and ours. An answer takes milliseconds: Redis says how many workers heard a
 * question, so this knows when all have answered, where Python's client always waits for its full second.
 *
 * A worker that is silent (a solo pool at work, a handler that blocks) is not idle, and not down either: `ask` answers
 * with who spoke and with how many did not, and leaves the judgement to the caller.
 */
import { isRecord, matches, question } from './remote/command.ts';
import type { Remote, Sent } from './remote/remote.ts';

export interface Ask {
  /** Names of workers, `worker.3@host`. Default: all. */
  readonly destination?: readonly string[];
  /** Workers whose name matches, with `*` and `?`. */
  readonly pattern?: string;
  /** How long to wait for who is silent. Default 1,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** What each worker said, by its name. */
export type Answers<T> = ReadonlyMap<string, T>;

export interface Answered<T> {
  readonly answers: Answers<T>;
  /** Workers that heard the question and did not answer in time; absent where nobody can know. */
  readonly silentCount?: number;
}

/** A command was done (`ok`) or refused (`error`). */
export interface Done {
  readonly ok?: string;
  readonly error?: string;
}

export interface EventSeen {
  /** `task-succeeded`, `worker-heartbeat`. */
  readonly type: string;
  /** Of the worker. */
  readonly hostname: string;
  /** Unix time in seconds. */
  readonly timestamp: number;
  readonly [field: string]: unknown;
}

type Fields = Readonly<Record<string, unknown>>;

export interface Control {
  /** Any method of Celery's remote control. @throws TasksError BROKER_UNREACHABLE, OPTION_INVALID */
  ask<T = unknown>(method: string, args?: Fields, options?: Ask): Promise<Answered<T>>;
  ping(options?: Ask): Promise<Answers<Done>>;
  /** What runs; with `safe` the arguments come as cut texts. */
  active(options?: Ask & { readonly safe?: boolean }): Promise<Answers<readonly Fields[]>>;
  reserved(options?: Ask): Promise<Answers<readonly Fields[]>>;
  scheduled(options?: Ask): Promise<Answers<readonly Fields[]>>;
  stats(options?: Ask): Promise<Answers<Fields>>;
  activeQueues(options?: Ask): Promise<Answers<readonly Fields[]>>;
  registered(options?: Ask): Promise<Answers<readonly string[]>>;
  revoked(options?: Ask): Promise<Answers<readonly string[]>>;
  queryTask(ids: readonly string[], options?: Ask): Promise<Answers<Fields>>;
  /** Jobs that are not started any more; `terminate` ends running ones too. */
  revoke(ids: readonly string[], options?: Ask & { readonly terminate?: boolean }): Promise<Answers<Done>>;
  /** `10/s`, `100/m`, `1000/h`; null ends it. */
  rateLimit(task: string, limit: string | null, options?: Ask): Promise<Answers<Done>>;
  timeLimit(
    task: string,
    limits: { readonly softSeconds?: number; readonly hardSeconds?: number },
    options?: Ask,
  ): Promise<Answers<Done>>;
  addConsumer(queue: string, options?: Ask): Promise<Answers<Done>>;
  /** The worker takes nothing more from the queue, and ours put back what they hold of it. */
  cancelConsumer(queue: string, options?: Ask): Promise<Answers<Done>>;
  poolGrow(count: number, options?: Ask): Promise<Answers<Done>>;
  poolShrink(count: number, options?: Ask): Promise<Answers<Done>>;
  enableEvents(options?: Ask): Promise<Answers<Done>>;
  disableEvents(options?: Ask): Promise<Answers<Done>>;
  /** A warm stop. Python's workers stop without an answer. */
  shutdown(options?: Ask): Promise<Answers<Done>>;
  /** Hears events, one by one; of a group, `task` or `worker`, or of all. The answer ends it. */
  events(hear: (event: EventSeen) => void, group?: 'task' | 'worker'): Promise<() => Promise<void>>;
}

const defaultTimeoutMs = 1_000;
/** Workers compare with their own clocks, which may differ a little. */
const spareSeconds = 30;

export function createControl(remote: () => Promise<Remote>): Control {
  const ask = async <T>(method: string, args: Fields = {}, options: Ask = {}): Promise<Answered<T>> =>
    askAll<T>(await remote(), method, args, options);
  const answers = async <T>(method: string, args: Fields, options?: Ask): Promise<Answers<T>> =>
    (await ask<T>(method, args, options)).answers;
  return {
    ask,
    ping: (options) => answers('ping', {}, options),
    active: (options) => answers('active', { safe: options?.safe ?? false }, options),
    reserved: (options) => answers('reserved', {}, options),
    scheduled: (options) => answers('scheduled', {}, options),
    stats: (options) => answers('stats', {}, options),
    activeQueues: (options) => answers('active_queues', {}, options),
    registered: (options) => answers('registered', {}, options),
    revoked: (options) => answers('revoked', {}, options),
    queryTask: (ids, options) => answers('query_task', { ids }, options),
    revoke: (ids, options) =>
      answers('revoke', { task_id: ids, terminate: options?.terminate ?? false }, options),
    rateLimit: (task, limit, options) =>
      answers('rate_limit', { task_name: task, rate_limit: limit ?? 0 }, options),
    timeLimit: (task, { softSeconds, hardSeconds }, options) =>
      answers(
        'time_limit',
        { task_name: task, soft: softSeconds ?? null, hard: hardSeconds ?? null },
        options,
      ),
    addConsumer: (queue, options) => answers('add_consumer', { queue }, options),
    cancelConsumer: (queue, options) => answers('cancel_consumer', { queue }, options),
    poolGrow: (n, options) => answers('pool_grow', { n }, options),
    poolShrink: (n, options) => answers('pool_shrink', { n }, options),
    enableEvents: (options) => answers('enable_events', {}, options),
    disableEvents: (options) => answers('disable_events', {}, options),
    shutdown: (options) => answers('shutdown', {}, options),
    events: async (hear, group) =>
      (await remote()).hearEvents(group, (sent) => {
        for (const event of eventsIn(sent)) hear(event);
      }),
  };
}

async function askAll<T>(
  remote: Remote,
  method: string,
  args: Fields,
  { pattern, destination: named, timeoutMs = defaultTimeoutMs, signal }: Ask,
): Promise<Answered<T>> {
  const asking = { timeoutMs, signal: signal ?? AbortSignal.timeout(timeoutMs + 10_000) };
  const lifeSeconds = timeoutMs / 1000 + spareSeconds;
  let destination = named;
  if (pattern !== undefined) {
    // With a pattern nobody knows how many will answer; with their names everybody does.
    const all = await remote.ask(question({ method: 'ping', lifeSeconds }, Date.now()), asking);
    destination = [...answersIn(all.replies).keys()].filter((name) => matches(name, pattern, 'glob'));
  }
  if (destination?.length === 0) return { answers: new Map(), silentCount: 0 };
  const asked = question(
    { method, arguments: args, lifeSeconds, ...(destination ? { destination } : {}) },
    Date.now(),
  );
  const expected = destination && { expected: destination.length };
  const { replies, heard } = await remote.ask(asked, { ...asking, ...expected });
  const all = destination?.length ?? heard;
  const silent = all === undefined ? undefined : all - replies.length;
  return {
    answers: answersIn<T>(replies),
    ...(silent === undefined ? {} : { silentCount: Math.max(0, silent) }),
  };
}

function answersIn<T>(replies: readonly Sent[]): Map<string, T> {
  return new Map(
    replies.flatMap(({ body }) => (isRecord(body) ? Object.entries(body) : [])) as [string, T][],
  );
}

/** One event, or a batch of them. */
function eventsIn({ body }: Sent): EventSeen[] {
  const list: unknown[] = Array.isArray(body) ? body : [body];
  return list.filter((one): one is EventSeen => isRecord(one) && typeof one.type === 'string');
}
