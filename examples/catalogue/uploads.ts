/**
 * Receives an upload: reads its lines as they stream in, enqueues them 100 at a time, and writes down after each batch how
 * far it came. That note makes repeating harmless: the key leads to the same upload, lines up to the note are skipped,
 * and a digest over them proves that the body is the same.
 *
 * Between enqueuing a batch and noting it the process can die; the repeat then enqueues that batch again, and the workers
 * find the rows of the first time. Noting first was rejected: it would lose the batch instead.
 */
import { createHash, randomUUID } from 'node:crypto';
import { type Entry, readerFor } from './parse/parse.ts';
import { Problem } from './problem.ts';
import type { Settings } from './settings.ts';
import type { Line } from './tasks.ts';
import type { LineNote, Upload, UploadRows } from './upload-rows.ts';

export interface Queue {
  enqueue(lines: readonly Line[]): Promise<void>;
  waiting(): Promise<number>;
}

export interface Incoming {
  readonly contentType: string | undefined;
  /** Absent: the answer tells a key to repeat with. */
  readonly key: string | undefined;
  readonly chunks: AsyncIterable<Buffer>;
}

/** What the distributor gets. */
export interface Receipt {
  readonly id: string;
  readonly key: string;
  readonly lines: number;
  readonly accepted: number;
  readonly rejected: number;
  /** True when everything had been taken by an earlier request with this key. */
  readonly repeated: boolean;
}

/** Small enough that a large upload never keeps the process from the small ones for more than a few milliseconds. */
const batchCount = 100;
/** How long a repeat waits for the request that holds its key. */
const patienceMs = 20_000;

export interface Receiver {
  receive(incoming: Incoming): Promise<Receipt>;
}

export function createReceiver(queue: Queue, rows: UploadRows, settings: Settings): Receiver {
  const gate = createGate(queue, settings);
  const receive = async ({ contentType, key = randomUUID(), chunks }: Incoming): Promise<Receipt> => {
    const reader = readerFor(contentType);
    await gate.pass(0);
    const holder = randomUUID();
    const upload = await leaseOf(rows, key, holder);
    const state = begin(upload, holder);
    try {
      const wasDone = upload.state === 'enqueued';
      for await (const entries of reader(bounded(chunks, settings.maxBodyBytes), settings.maxLineBytes)) {
        for (const entry of entries) {
          consider(state, entry);
          if (state.fresh < batchCount) continue;
          await flush(state, 'receiving');
          // Lets other requests in: a large body would otherwise keep the process to itself.
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
      if (state.last === 0) throw new Problem('BODY_EMPTY', 'The body has no lines. Send at least one.');
      if (state.last < upload.taken) throw reused(key);
      if (!wasDone) await flush(state, 'enqueued');
      return receiptOf(state, wasDone);
    } catch (error) {
      const problem = error instanceof Problem ? error : undefined;
      throw problem?.with({ id: upload.id, key, taken: state.taken }) ?? error;
    } finally {
      if (!state.isNoted) await rows.release(upload.number, holder, !state.isTouched);
    }
  };

  const flush = async (state: State, next: 'receiving' | 'enqueued'): Promise<void> => {
    const { upload, holder, lines, malformed } = state;
    if (lines.length > 0) {
      await gate.pass(lines.length);
      state.isTouched = true;
      await queue.enqueue(lines).catch((error: unknown) => Promise.reject(brokerGone(error)));
    }
    const batch = {
      taken: state.last,
      digest: digestOf(state),
      accepted: lines.length,
      malformed,
      state: next,
    };
    if (!(await rows.take(upload.number, holder, batch, Date.now()))) throw inUse(upload.key);
    state.isTouched = true;
    state.isNoted = next === 'enqueued';
    state.taken = state.last;
    state.accepted += lines.length;
    state.rejected += malformed.length;
    state.lines = [];
    state.malformed = [];
    state.fresh = 0;
  };
  return { receive };
}

/** One request's way through its body. */
interface State {
  readonly upload: Upload;
  readonly holder: string;
  readonly hash: ReturnType<typeof createHash>;
  /** The last line read, and the last that is safe. */
  last: number;
  taken: number;
  accepted: number;
  rejected: number;
  /** True once the lines up to the note were found to be those of the earlier request. */
  isSame: boolean;
  /** True once lines may have reached the queue: the upload must keep its number, or a repeat would double them. */
  isTouched: boolean;
  /** True once the whole upload is noted as enqueued, which gave the lease back. */
  isNoted: boolean;
  /** Since the last flush. */
  fresh: number;
  lines: Line[];
  malformed: LineNote[];
}

function begin(upload: Upload, holder: string): State {
  const { taken, accepted, malformed: rejected } = upload;
  const hash = createHash('sha256');
  const nothing = { last: 0, fresh: 0, lines: [], malformed: [], isNoted: false };
  return {
    upload,
    holder,
    hash,
    taken,
    accepted,
    rejected,
    isSame: taken === 0,
    isTouched: taken > 0,
    ...nothing,
  };
}

function consider(state: State, entry: Entry): void {
  const { upload } = state;
  state.hash.update(JSON.stringify(entry));
  state.last = entry.line;
  if (entry.line < upload.taken) return;
  if (entry.line === upload.taken) {
    state.isSame = digestOf(state) === upload.digest;
    if (state.isSame) return;
  }
  if (!state.isSame || upload.state === 'enqueued') throw reused(upload.key);
  state.fresh += 1;
  if ('wrong' in entry) state.malformed.push({ line: entry.line, grade: 'rejected', ...entry.wrong });
  else state.lines.push({ upload: upload.number, line: entry.line, kind: entry.kind, fields: entry.fields });
}

function digestOf(state: State): string {
  return state.hash.copy().digest('base64url');
}

function receiptOf(state: State, repeated: boolean): Receipt {
  const { accepted, rejected } = state;
  const { id, key } = state.upload;
  return { id, key, lines: accepted + rejected, accepted, rejected, repeated };
}

async function leaseOf(rows: UploadRows, key: string, holder: string): Promise<Upload> {
  const end = Date.now() + patienceMs;
  for (;;) {
    const upload = await rows.lease(key, holder, Date.now());
    if (upload) return upload;
    if (Date.now() > end) throw inUse(key);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Lets batches through while the queue is not too deep. Asks the broker at most every 250 ms and counts along between. */
function createGate(queue: Queue, settings: Settings): { pass(adding: number): Promise<void> } {
  let known = 0;
  let askedAt = Number.NEGATIVE_INFINITY;
  return {
    pass: async (adding) => {
      if (performance.now() - askedAt > 250) {
        known = await queue.waiting().catch((error: unknown) => Promise.reject(brokerGone(error)));
        askedAt = performance.now();
      }
      if (known + adding > settings.queueLimitCount)
        throw new Problem(
          'QUEUE_FULL',
          `${known} lines wait already, and at most ${settings.queueLimitCount} may. Repeat with the same Idempotency-Key after the time in Retry-After; the lines in "taken" are safe.`,
          { retryAfterSeconds: 5 },
        );
      known += adding;
    },
  };
}

async function* bounded(chunks: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw bodyTooLarge(maxBytes);
    yield chunk;
  }
}

export function bodyTooLarge(maxBytes: number): Problem {
  return new Problem(
    'BODY_TOO_LARGE',
    `The body is larger than ${maxBytes} bytes. Send it in parts, each with a key of its own; the lines in "taken" are safe.`,
  );
}

function brokerGone(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new Problem(
    'BROKER_UNREACHABLE',
    `The queue cannot be reached: ${why} Repeat with the same Idempotency-Key after the time in Retry-After; the lines in "taken" are safe.`,
    { retryAfterSeconds: 5 },
  );
}

function reused(key: string): Problem {
  return new Problem(
    'KEY_REUSED',
    `The Idempotency-Key "${key}" belongs to an upload with other lines. Repeat that very body, or use a new key.`,
  );
}

function inUse(key: string): Problem {
  return new Problem(
    'KEY_IN_USE',
    `Another request is sending the upload "${key}" now. Repeat after the time in Retry-After.`,
    { retryAfterSeconds: 5 },
  );
}
