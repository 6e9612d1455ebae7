/**
 * The ingest API: takes lines in and never works on them.
 *
 *   POST /uploads         NDJSON, JSON or CSV; 202 with an id once every line is in the queue
 *   GET  /uploads/:id     what became of its lines; ?after=LINE&limit=100 pages through what was wrong with them
 *   GET  /uploads?key=K   the same by its Idempotency-Key, for who lost the connection before the answer
 *   GET  /summary         totals over everything; ?run=NAME counts only references that begin with "NAME-"
 *   GET  /hirefire/...    the agent: how much work waits, for an autoscaler
 *
 * node:http without a framework, because the point is the stream: the body is read only as fast as the broker takes it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createAgent, forNodeHttp } from '@headcount/agent';
import { Problem } from './problem.ts';
import type { Settings } from './settings.ts';
import { type CatalogueDatabase, openCatalogue, openUploads } from './store.ts';
import { summary } from './summary.ts';
import { createTasks } from './tasks.ts';
import { type UploadRows, uploadRows } from './upload-rows.ts';
import { bodyTooLarge, createReceiver, type Queue, type Receiver } from './uploads.ts';

export interface Api {
  readonly server: Server;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Parts {
  readonly settings: Settings;
  readonly database: CatalogueDatabase;
  readonly rows: UploadRows;
  readonly receiver: Receiver;
}

/** A broker that does not answer within this counts as unreachable; a batch that arrives later all the same is harmless. */
const brokerMs = 5_000;
/** How long a body that was refused is still read, so that its sender sees the answer instead of a broken connection. */
const drainMs = 3_000;

/** @throws Problem when the database cannot be opened */
export function createApi(settings: Settings): Api {
  const database = openCatalogue(settings.database);
  const uploads = openUploads(settings.database);
  const { app, ingest } = createTasks(settings);
  const rows = uploadRows(uploads, database);
  const queue: Queue = {
    enqueue: async (lines) => {
      await within(ingest.delayMany(lines.map((line) => [line])));
    },
    waiting: async () => (await within(app.depth(settings.queue))).waiting,
  };
  const parts = { settings, database, rows, receiver: createReceiver(queue, rows, settings) };
  const agent = createAgent({ processTypes: { worker: () => queue.waiting() } });
  const listener = forNodeHttp(agent, (request, response) => void respond(parts, request, response));
  const server = createServer(listener);
  const close = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeIdleConnections();
    await closed;
    await app.close();
    database.close();
    uploads.close();
  };
  return { server, close };
}

async function respond(parts: Parts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    send(request, response, await route(parts, request));
  } catch (error) {
    // The sender went away in the middle: there is nobody to tell, and its key leads to what was taken.
    if (request.destroyed && !request.complete) return;
    send(request, response, problemAnswer(error));
  }
}

async function route(parts: Parts, request: IncomingMessage): Promise<Answer> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const [, noun = '', id, more] = url.pathname.split('/');
  if (noun === 'uploads' && id === undefined && request.method === 'POST')
    return await takeUpload(parts, request);
  if (request.method !== 'GET' && request.method !== 'HEAD')
    throw new Problem(
      'METHOD_NOT_ALLOWED',
      `${request.method} is not known here. POST /uploads, and GET the rest.`,
    );
  if (noun === 'uploads' && more === undefined) return showUpload(parts, id, url.searchParams);
  if (noun === 'summary' && id === undefined)
    return show(summary(parts.database, parts.rows.malformed(), url.searchParams.get('run') ?? undefined));
  if (noun === '' || noun === 'health')
    return show({ ok: true, instance: parts.settings.instance, uploads: '/uploads', summary: '/summary' });
  throw new Problem(
    'NOT_FOUND',
    `Nothing is at ${url.pathname}. There are /uploads, /uploads/ID and /summary.`,
  );
}

async function takeUpload(parts: Parts, request: IncomingMessage): Promise<Answer> {
  const { receiver, settings } = parts;
  if (Number(request.headers['content-length'] ?? 0) > settings.maxBodyBytes)
    throw bodyTooLarge(settings.maxBodyBytes);
  const receipt = await receiver.receive({
    contentType: request.headers['content-type'],
    key: keyOf(request),
    chunks: request.iterator({ destroyOnReturn: false }),
  });
  const location = `/uploads/${receipt.id}`;
  const headers = { location, ...(receipt.repeated ? { 'idempotent-replayed': 'true' } : {}) };
  return { status: 202, body: { ...receipt, progress: location }, headers };
}

function showUpload({ rows }: Parts, id: string | undefined, query: URLSearchParams): Answer {
  const key = query.get('key');
  const upload = id !== undefined ? rows.progress(id) : key !== null ? rows.progressByKey(key) : undefined;
  if (!upload)
    throw new Problem(
      'NOT_FOUND',
      'There is no such upload. Use the id of the 202, or ?key= with its Idempotency-Key.',
    );
  const { stored, matched, noted, taken, state, accepted } = upload;
  const limit = bounded(query.get('limit'), 100, 1_000);
  const notes = rows.notes(upload.number, bounded(query.get('after'), 0, Number.MAX_SAFE_INTEGER), limit);
  return show({
    id: upload.id,
    key: upload.key,
    state,
    taken,
    accepted,
    stored,
    rejected: upload.malformed + upload.rejected,
    pending: accepted - stored - upload.rejected,
    matched,
    noted,
    errors: notes,
    nextAfter: notes.length === limit ? notes.at(-1)?.line : undefined,
  });
}

function keyOf(request: IncomingMessage): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key === 'string' && /^[\x21-\x7e]{1,200}$/.test(key)) return key;
  throw new Problem(
    'KEY_INVALID',
    'The Idempotency-Key must be 1 to 200 visible ASCII characters. A UUID is best.',
  );
}

function bounded(text: string | null, otherwise: number, most: number): number {
  const value = Number(text ?? otherwise);
  return Number.isSafeInteger(value) && value >= 0 ? Math.min(value, most) : otherwise;
}

function show(body: unknown): Answer {
  return { status: 200, body };
}

function problemAnswer(error: unknown): Answer {
  const problem = error instanceof Problem ? error : unexpected(error);
  const { retryAfterSeconds, ...more } = problem.more;
  const body = {
    type: 'about:blank',
    title: problem.code.toLowerCase().replace(/_/g, ' '),
    status: problem.status,
    code: problem.code,
    detail: problem.message,
    ...more,
  };
  const retry = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
  return { status: problem.status, body, headers: { 'content-type': 'application/problem+json', ...retry } };
}

function unexpected(error: unknown): Problem {
  const why = error instanceof Error ? error.message : String(error);
  console.error(error);
  if (/SQLITE_|database is locked|disk/i.test(`${why} ${(error as { code?: unknown } | null)?.code}`))
    return new Problem(
      'STORE_UNREACHABLE',
      `The catalogue database cannot be used: ${why}. Repeat after the time in Retry-After.`,
      {
        retryAfterSeconds: 5,
      },
    );
  return new Problem(
    'INTERNAL',
    'Something failed that should not. Repeat with the same Idempotency-Key; the log of the API says more.',
  );
}

function send(request: IncomingMessage, response: ServerResponse, { status, body, headers }: Answer): void {
  const text = `${JSON.stringify(body)}\n`;
  const unread = !request.complete;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...headers,
    ...(unread ? { connection: 'close' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : text);
  if (!unread) return;
  request.resume();
  setTimeout(() => request.destroy(), drainMs).unref();
}

async function within<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const problem = new Problem(
      'BROKER_UNREACHABLE',
      `The queue did not answer within ${brokerMs / 1000} s. Repeat with the same Idempotency-Key after the time in Retry-After; the lines in "taken" are safe.`,
      { retryAfterSeconds: 5 },
    );
    timer = setTimeout(() => reject(problem), brokerMs);
  });
  return await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
