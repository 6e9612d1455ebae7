/**
 * Requests that may be sent twice: with an `Idempotency-Key`, a change is carried out once, and the same request answered the
 * same for a day, to the one who asked first. It stands before the check of who may: what was removed the first time could not be
 * found by it the second time. The answer is stored encrypted with the key itself, of which only a hash is kept: an answer may
 * hold a token, and the database is not to tell it. What a login, a role or a recovery would change is not kept.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import { HeadcountError } from '../decide/errors.ts';
import { createIdempotencyKeys, type IdempotencyKeys } from '../store/idempotency.ts';
import type { Deps, Env } from './request.ts';

const methods: readonly string[] = ['POST', 'PUT', 'PATCH', 'DELETE'];
const keptHeaders = ['content-type', 'location', 'link'] as const;
const answerBytes = 256 * 1024;
const mayChange: readonly number[] = [401, 403, 429];

interface Kept {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function idempotent({ store, now }: Deps): MiddlewareHandler<Env> {
  const keys = createIdempotencyKeys(store.kysely);
  return async (c, next) => {
    const key = c.req.header('idempotency-key');
    const asker = c.get('person');
    // Log-ins and the like answer with cookies, which are for one reader alone.
    if (key === undefined || !asker || !methods.includes(c.req.method) || c.req.path.startsWith('/api/auth/'))
      return await next();
    if (!/^[\x21-\x7e]{8,255}$/.test(key)) throw badKey();
    const scope = `${asker.by}\n${asker.personId ?? asker.keyId ?? asker.name}\n${key}`;
    const id = hash('id', scope);
    const request = hash('request', c.req.method, c.req.url, Buffer.from(await c.req.arrayBuffer()));
    const known = await keys.begin(id, request, now());
    if (known === undefined) return await first(keys, id, hash('secret', scope), c, next);
    if (known.request !== request) throw reused();
    if (known.status === undefined || known.answer === undefined) throw inProgress();
    return replayed(known.answer, hash('secret', scope));
  };
}

async function first(
  keys: IdempotencyKeys,
  id: string,
  secret: string,
  c: Context<Env>,
  next: () => Promise<void>,
): Promise<void> {
  try {
    await next();
  } catch (error) {
    await keys.forget(id);
    throw error;
  }
  const { res } = c;
  const isKept = res.status < 500 && !mayChange.includes(res.status);
  const bytes = isKept ? Buffer.from(await res.clone().arrayBuffer()) : undefined;
  if (!bytes || bytes.length > answerBytes || res.headers.has('set-cookie')) return await keys.forget(id);
  const kept: Kept = {
    status: res.status,
    headers: Object.fromEntries(
      keptHeaders.flatMap((name) => {
        const value = res.headers.get(name);
        return value === null ? [] : [[name, value]];
      }),
    ),
    body: bytes.toString('base64'),
  };
  await keys.finish(id, res.status, sealed(JSON.stringify(kept), secret));
}

function replayed(answer: string, secret: string): Response {
  const { status, headers, body } = JSON.parse(opened(answer, secret)) as Kept;
  const bytes = Buffer.from(body, 'base64');
  return new Response(bytes.length > 0 ? bytes : null, {
    status,
    headers: { ...headers, 'idempotency-replayed': 'true', 'cache-control': 'no-store' },
  });
}

function sealed(text: string, secret: string): string {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(secret, 'hex'), iv);
  const bytes = [cipher.update(text, 'utf8'), cipher.final()];
  return Buffer.concat([iv, cipher.getAuthTag(), ...bytes]).toString('base64');
}

function opened(answer: string, secret: string): string {
  const bytes = Buffer.from(answer, 'base64');
  const cipher = createDecipheriv('aes-256-gcm', Buffer.from(secret, 'hex'), bytes.subarray(0, 12));
  cipher.setAuthTag(bytes.subarray(12, 28));
  return Buffer.concat([cipher.update(bytes.subarray(28)), cipher.final()]).toString('utf8');
}

function hash(...parts: (string | Buffer)[]): string {
  const sum = createHash('sha256');
  for (const part of parts) sum.update(String(part.length)).update('\n').update(part);
  return sum.digest('hex');
}

function badKey(): HeadcountError {
  return new HeadcountError(
    'BODY_INVALID',
    'The header Idempotency-Key is wrong',
    'it has 8 to 255 letters, digits or signs without spaces',
    'Send a new random one, such as a UUID, for every change.',
  );
}

function reused(): HeadcountError {
  return new HeadcountError(
    'IDEMPOTENCY_KEY_REUSED',
    'The request was refused',
    'its Idempotency-Key was used within the last 24 hours for another one',
    'Send a new key with every change, and the same one only to repeat it.',
  );
}

function inProgress(): HeadcountError {
  return new HeadcountError(
    'REQUEST_IN_PROGRESS',
    'The request was not carried out again',
    'the first one with its Idempotency-Key is not answered yet',
    'Send it again in some seconds.',
  );
}
