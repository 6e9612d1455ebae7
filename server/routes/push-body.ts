/** Reading what is pushed, within bounds. */
import type { Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { HeadcountError } from '../../decide/errors.ts';
import type { Env } from '../request.ts';

/** A minute of raw times that a library kept while we were away, or a full frame of a drain. */
export const rawBytesMaximum = 2_000_000;

/** Nothing when the body is over the limit; it is then not read to its end. */
export async function readBody(c: Context<Env>, maxSize: number): Promise<ArrayBuffer | undefined> {
  const length = c.req.header('content-length');
  // The quick way for all who say how much they send: looking at the raw request costs more than the push itself.
  if (length !== undefined && c.req.header('transfer-encoding') === undefined)
    return Number(length) <= maxSize ? await c.req.arrayBuffer() : undefined;
  let body: ArrayBuffer | undefined;
  const limit = bodyLimit({ maxSize, onError: (over) => over.body(null) });
  await limit(c, async () => {
    body = await c.req.arrayBuffer();
  });
  return body;
}

export function textOf(body: ArrayBuffer): string {
  return Buffer.from(body).toString();
}

/** `https://anyone:<password>@host/` as an address. */
export function passwordIn(c: Context<Env>): string | undefined {
  const given = /^Basic ([A-Za-z0-9+/=]{1,1024})$/.exec(c.req.header('authorization') ?? '')?.[1];
  return given === undefined
    ? undefined
    : Buffer.from(given, 'base64')
        .toString()
        .replace(/^[^:]*:/, '');
}

export function bearerOrPassword(c: Context<Env>): string | undefined {
  return /^Bearer (\S{1,256})$/.exec(c.req.header('authorization') ?? '')?.[1] ?? passwordIn(c);
}

export function tooLarge(maximum: number): HeadcountError {
  return new HeadcountError(
    'BODY_TOO_LARGE',
    'The push was dropped',
    `at most ${maximum} bytes are taken`,
    'Send less at once.',
  );
}
