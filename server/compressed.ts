/**
 * Answers of JSON and text go out packed to whoever takes them so. The whole answer is packed at once, off the thread that serves.
 * Hono's own middleware was rejected: it does not know how long an answer is and packs one of five letters too, and it speaks
 * no Brotli. Live updates stay a stream, and what comes packed stays as it is.
 */
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { Context, MiddlewareHandler } from 'hono';
import type { Env } from './request.ts';

/** What is shorter fits into one packet anyway. */
const leastBytes = 1_024;
const packable = /^(text\/(?!event-stream)|application\/(javascript|json)|[^;]+\+(json|xml))/i;
/** As quick as gzip, and smaller; what is above it is for what is packed once. */
const brotliQuality = 4;

const packings = [
  [
    'br',
    (bytes: Buffer) =>
      promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: brotliQuality } }),
  ],
  ['gzip', (bytes: Buffer) => promisify(gzip)(bytes)],
] as const;

/** @param publicUrl where the controller is reached, when that is known */
export function compressed(publicUrl: string | undefined): MiddlewareHandler<Env> {
  const isHttps = publicUrl?.startsWith('https:') === true;
  return async (c, next) => {
    await next();
    if (!mayPack(c)) return;
    if (!/accept-encoding/i.test(c.res.headers.get('vary') ?? ''))
      c.header('vary', 'accept-encoding', { append: true });
    const accepted = c.req.header('accept-encoding') ?? '';
    const packing = packings.find(([encoding]) => takes(accepted, encoding));
    if (!packing || c.req.method === 'HEAD' || mayBeOfAnother(c, isHttps)) return;
    const [encoding, pack] = packing;
    const bytes = Buffer.from(await c.res.arrayBuffer());
    const isLong = bytes.length >= leastBytes;
    c.res = new Response(isLong ? await pack(bytes) : bytes, c.res);
    c.res.headers.delete('content-length');
    if (isLong) c.res.headers.set('content-encoding', encoding);
  };
}

function mayPack({ res }: Context<Env>): boolean {
  return (
    res.body !== null &&
    !res.headers.has('content-encoding') &&
    packable.test(res.headers.get('content-type') ?? '')
  );
}

/**
 * The length of a packed answer tells how much of what an asker chose stands in it again: who lets a browser ask often, and sees
 * the lengths go by, reads a token letter by letter (BREACH). So an answer of the API is packed only where no page of another
 * site can have made the browser ask with its cookie: it says `same-origin`, or a key came with it, or it came with no cookie. A
 * browser says so over https; over plain http there is nothing that reading along would not give.
 */
function mayBeOfAnother({ req }: Context<Env>, isHttps: boolean): boolean {
  if (!req.path.startsWith('/api/') || req.header('authorization') || !req.header('cookie')) return false;
  return (req.header('sec-fetch-site') ?? (isHttps ? 'cross-site' : 'same-origin')) !== 'same-origin';
}

/** Whether `gzip, br;q=0.5` takes an encoding; one of a weight of 0 is refused. */
export function takes(accepted: string, encoding: string): boolean {
  return accepted.split(',').some((one) => {
    const [name, ...weights] = one.split(';').map((part) => part.trim().toLowerCase());
    return name === encoding && !weights.some((weight) => /^q=0(\.0*)?$/.test(weight));
  });
}
