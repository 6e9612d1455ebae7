/**
 * One distributor's HTTP client: sends, waits as long as Retry-After says, repeats with the same key, and times every request from
 * its first byte out to its last byte in.
 */

import { randomUUID } from 'node:crypto';
import { Agent, request as httpRequest } from 'node:http';
import { Problem } from '../problem.ts';
import type { Body } from './body.ts';

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds?: number;
}

export interface Client {
  /** Until it is taken. @throws Problem when it is refused for good, or not taken after many attempts */
  upload(body: Body): Promise<{ id: string; accepted: number; rejected: number }>;
  get(path: string): Promise<Answer>;
  /** Milliseconds of every request so far, refused and repeated ones too. */
  readonly latenciesMs: readonly number[];
  readonly repeats: () => number;
  /** Why uploads had to be repeated, and how often. */
  readonly reasons: () => Readonly<Record<string, number>>;
  close(): void;
}

const maxAttempts = 120;
const sliceBytes = 64 * 1024;

/** @param repeatShare share of uploads that are sent twice with one key, as after a lost answer */
export function createClient(url: string, signal: AbortSignal, repeatShare: () => boolean): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const latenciesMs: number[] = [];
  let repeats = 0;
  const reasons = new Map<string, number>();

  const send = (
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: Buffer,
  ): Promise<Answer> =>
    timed(latenciesMs, () => exchange(agent, signal, new URL(path, url), method, headers, body));

  const upload = async (body: Body): Promise<{ id: string; accepted: number; rejected: number }> => {
    const bytes = Buffer.from(body.text);
    const headers = { 'content-type': body.contentType, 'idempotency-key': randomUUID() };
    for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
      const answer = await send('POST', '/uploads', headers, bytes).catch(() => undefined);
      signal.throwIfAborted();
      if (answer?.status === 202) {
        if (repeatShare()) {
          repeats += 1;
          await send('POST', '/uploads', headers, bytes);
        }
        return {
          id: String(answer.body.id),
          accepted: Number(answer.body.accepted),
          rejected: Number(answer.body.rejected),
        };
      }
      if (answer && ![409, 429, 503].includes(answer.status))
        throw new Problem(
          'INTERNAL',
          `An upload was refused with ${answer.status}: ${String(answer.body.detail)}`,
        );
      repeats += 1;
      reasons.set(reasonOf(answer), (reasons.get(reasonOf(answer)) ?? 0) + 1);
      await sleep((answer?.retryAfterSeconds ?? 1) * 1000, signal);
    }
    throw new Problem('INTERNAL', `An upload was not taken after ${maxAttempts} attempts.`);
  };
  return {
    upload,
    get: (path) => send('GET', path, {}),
    latenciesMs,
    repeats: () => repeats,
    reasons: () => Object.fromEntries(reasons),
    close: () => agent.destroy(),
  };
}

function reasonOf(answer: Answer | undefined): string {
  return answer ? String(answer.body.code ?? answer.status) : 'no answer';
}

export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}

async function timed<T>(latenciesMs: number[], work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  try {
    return await work();
  } finally {
    latenciesMs.push(performance.now() - start);
  }
}

async function exchange(
  agent: Agent,
  signal: AbortSignal,
  url: URL,
  method: string,
  headers: Record<string, string>,
  body: Buffer | undefined,
): Promise<Answer> {
  const length = body ? { 'content-length': String(body.length) } : {};
  return await new Promise((resolve, reject) => {
    const request = httpRequest(
      url,
      { agent, method, signal, headers: { ...headers, ...length } },
      (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.once('error', reject);
        response.once('end', () => {
          const retryAfterSeconds = Number(response.headers['retry-after'] ?? 0);
          const parsed = parse(Buffer.concat(pieces).toString('utf8'));
          resolve({
            status: response.statusCode ?? 0,
            body: parsed,
            ...(retryAfterSeconds ? { retryAfterSeconds } : {}),
          });
        });
      },
    );
    request.once('error', reject);
    write(request, body ?? Buffer.alloc(0));
  });
}

/** In slices and at the reader's pace, as a file would be sent. */
function write(request: ReturnType<typeof httpRequest>, body: Buffer): void {
  let from = 0;
  const more = (): void => {
    while (from < body.length) {
      const slice = body.subarray(from, from + sliceBytes);
      from += slice.length;
      if (!request.write(slice)) {
        request.once('drain', more);
        return;
      }
    }
    request.end();
  };
  more();
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
