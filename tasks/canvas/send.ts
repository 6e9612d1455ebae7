/** One task with Celery's options of a call becomes a message and the name of its queue. */
import { newMessage, type TaskMessage, timeOf } from '../message.ts';
import { invalid, listOf } from './data.ts';

export interface Asked {
  readonly nowMs: number;
  readonly origin: string | null;
  /** What goes with every message, such as Celery's `reply_to`. */
  readonly replyTo: string;
  /** What the app, or the task's definition, says where the signature does not. */
  routeOf(task: string): Route;
  /** The job in which this is sent. */
  readonly parent?: { readonly id: string; readonly rootId: string | null };
}

export interface Route {
  readonly queue: string;
  readonly priority: number;
  readonly ignoreResult: boolean | undefined;
  /** The app's own setting, which counts last. */
  readonly ignoreByDefault: boolean;
}

export interface Sent {
  readonly queue: string;
  readonly message: TaskMessage;
}

type Options = Readonly<Record<string, unknown>>;

/** @throws TasksError SIGNATURE_INVALID */
export function sentOf(
  asked: Asked & { newId(): string },
  task: string,
  args: readonly unknown[],
  kwargs: Options,
  options: Options,
): Sent {
  const id = typeof options.task_id === 'string' ? options.task_id : asked.newId();
  const route = asked.routeOf(task);
  const queue = options.queue ?? options.routing_key ?? route.queue;
  if (typeof queue !== 'string') throw invalid(`the queue of "${task}" must be a name`);
  const partOfChord = Boolean(options.chord);
  const ignored = options.ignore_result ?? route.ignoreResult ?? (!partOfChord && route.ignoreByDefault);
  const message = newMessage({
    id,
    task,
    args,
    kwargs,
    embed: {
      callbacks: linksOf(options.link),
      errbacks: linksOf(options.link_error),
      chain: options.chain ?? null,
      chord: options.chord ?? null,
    },
    retries: Number.isSafeInteger(options.retries) ? (options.retries as number) : 0,
    ...timesOf(asked, task, options),
    rootId: textOr(options.root_id, asked.parent ? (asked.parent.rootId ?? asked.parent.id) : id),
    parentId: textOr(options.parent_id, asked.parent?.id ?? null),
    group: textOr(options.group_id, null),
    groupIndex: typeof options.group_index === 'number' ? options.group_index : null,
    shadow: textOr(options.shadow, null),
    origin: asked.origin,
    ignoreResult: ignored === true,
    priority: priorityOf(options.priority ?? route.priority),
    replyTo: textOr(options.reply_to, asked.replyTo),
    publishedAtMs: asked.nowMs,
    extraHeaders: extraOf(options),
  });
  return { queue, message };
}

/** Celery writes null where there are none. */
function linksOf(links: unknown): readonly unknown[] | null {
  return links === undefined || links === null ? null : listOf(links);
}

function timesOf(
  { nowMs }: Asked,
  task: string,
  options: Options,
): Pick<TaskMessage, 'etaMs' | 'expiresMs' | 'timeLimit'> {
  const { countdown, eta, expires, time_limit, soft_time_limit } = options;
  const due =
    typeof countdown === 'number' && countdown !== 0 ? nowMs + countdown * 1000 : momentOf(task, 'eta', eta);
  const end = typeof expires === 'number' ? nowMs + expires * 1000 : momentOf(task, 'expires', expires);
  return {
    etaMs: due === null ? null : Math.round(due),
    expiresMs: end === null ? null : Math.round(end),
    timeLimit: { hardSeconds: secondsOr(time_limit), softSeconds: secondsOr(soft_time_limit) },
  };
}

/** ISO 8601, as it lies in a message, or a Date, as kombu's typed values are read. */
function momentOf(task: string, name: string, value: unknown): number | null {
  if (value === undefined || value === null) return null;
  const ms = value instanceof Date ? value.getTime() : timeOf(value);
  if (ms === null || Number.isNaN(ms)) throw invalid(`"${name}" of "${task}" must be a time in ISO 8601`);
  return ms;
}

/** Stamps lie among the options, named by a list of them (Celery 5.3); `headers` go along as they are. */
function extraOf({ headers, stamped_headers, ...options }: Options): Options {
  const extra = typeof headers === 'object' && headers !== null ? { ...headers } : {};
  const names = listOf(stamped_headers).filter((name) => typeof name === 'string');
  if (names.length === 0) return extra;
  const stamps = Object.fromEntries(names.map((name) => [name, options[name] ?? null]));
  return { ...extra, stamped_headers: names, stamps };
}

function priorityOf(value: unknown): number {
  return typeof value === 'number' && value >= 0 ? Math.min(9, Math.trunc(value)) : 0;
}

function secondsOr(value: unknown): number | null {
  return typeof value === 'number' && value >= 0 ? value : null;
}

function textOr<T>(value: unknown, otherwise: T): string | T {
  return typeof value === 'string' && value !== '' ? value : otherwise;
}
