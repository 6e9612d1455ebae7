/**
 * The words of Celery's remote control ("pidbox"): the question that all workers hear, and their answers. Facts: kombu/pidbox.py and
 * celery/worker/control.py, 5.2 to 5.6. How they travel is the broker's affair, see the two meters.
 */
import { randomUUID } from 'node:crypto';

export type Question = 'active' | 'reserved' | 'scheduled' | 'active_queues';

export interface ControlJob {
  readonly id: string;
  readonly exchange: string;
  readonly routingKey: string;
  /** Only of scheduled ones: milliseconds since the Unix epoch. */
  readonly dueAt?: number;
}

export interface Answer {
  readonly worker: string;
  readonly question: string;
  readonly jobs: readonly ControlJob[];
  /** Of active_queues. */
  readonly queues: readonly {
    readonly name: string;
    readonly exchange: string;
    readonly routingKey: string;
  }[];
}

/** The workers compare it with their own clock, so it is generous. */
export const questionLifeSeconds = 30;

export function questionOf(
  method: Question,
  ticket: string,
  replyTo: { exchange: string; routing_key: string },
): string {
  return JSON.stringify({
    method,
    arguments: method === 'active_queues' ? {} : { safe: true },
    destination: null,
    pattern: null,
    matcher: null,
    // comes back in the header of each answer
    ticket: `${ticket} ${method}`,
    reply_to: replyTo,
  });
}

/** A question as kombu puts it into Redis. */
export function redisMessage(body: string, nowMs: number): string {
  return JSON.stringify({
    body: Buffer.from(body).toString('base64'),
    'content-encoding': 'utf-8',
    'content-type': 'application/json',
    headers: { clock: 1, expires: nowMs / 1_000 + questionLifeSeconds },
    properties: {
      body_encoding: 'base64',
      delivery_info: { exchange: 'celery.pidbox', routing_key: '' },
      delivery_mode: 2,
      delivery_tag: randomUUID(),
      priority: 0,
    },
  });
}

export type Fields = Readonly<Record<string, unknown>>;

/** Undefined: not an answer to this ticket, or the worker says that it failed. */
export function answerOf(body: unknown, ticketHeader: unknown, ticket: string): Answer | undefined {
  const [given, question = ''] = String(ticketHeader).split(' ');
  const [worker, value] = Object.entries(fieldsOf(body))[0] ?? [];
  if (given !== ticket || worker === undefined || !Array.isArray(value)) return undefined;
  const items = value.map(fieldsOf);
  if (question !== 'active_queues') return { worker, question, jobs: items.flatMap(jobOf), queues: [] };
  const queues = items.map((item) => ({
    name: String(item.name),
    exchange: String(fieldsOf(item.exchange).name ?? ''),
    routingKey: String(item.routing_key ?? ''),
  }));
  return { worker, question, jobs: [], queues };
}

function jobOf(item: Fields): ControlJob[] {
  const job = item.request === undefined ? item : fieldsOf(item.request);
  const { exchange, routing_key: routingKey } = fieldsOf(job.delivery_info);
  if (typeof job.id !== 'string' || typeof routingKey !== 'string') return [];
  const dueAt = timeOf(item.eta);
  return [
    { id: job.id, exchange: String(exchange ?? ''), routingKey, ...(dueAt === undefined ? {} : { dueAt }) },
  ];
}

/** Unix seconds, or ISO 8601; without a zone it is UTC. In milliseconds. */
export function timeOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value > 0 ? value * 1_000 : undefined;
  if (typeof value !== 'string') return undefined;
  const time = Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(value) ? value : `${value}Z`);
  return Number.isNaN(time) ? undefined : time;
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
