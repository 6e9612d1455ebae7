/**
 * A request that only the holder of its app can answer (what an app pushes, what a person changes, an evaluation) goes to the
 * holder and its answer comes back, where several controllers share the apps. Passed on as it came, it is checked
 * there: no controller trusts another. Where the holder cannot be reached, the request is answered here: what was pushed
 * waits in the inbox for whoever takes the app up, and what was changed is in the store.
 */
import { request as send } from 'node:http';
import { Readable } from 'node:stream';
import { within } from '../measure/within.ts';
import type { Claimant } from '../store/leases.ts';
import type { Rounds } from './rounds.ts';
import type { Tenure } from './tenure.ts';

const bodyBytesMaximum = 4_000_000;
const answerLimitMs = 15_000;
const connectLimitMs = 1_000;
/** What is heard holds for 4 s from before it was asked; a busy machine answers late, and then nobody would grow. */
const silenceLimitMs = 2_000;
const ownerKeptMs = 1_000;
const mark = 'x-headcount-forwarded';
const hopHeaders = ['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'content-length', 'expect'];
/** Where the controllers ask one another whether the database answers. */
export const contactPath = '/healthz/contact';

type Fetch<E> = (request: Request, env: E) => Response | Promise<Response>;

export function forwarding<E>(rounds: Rounds, tenure: Tenure, here: Fetch<E>): Fetch<E> {
  const ownerOf = createOwners(tenure);
  return async (request, env) => {
    const { pathname } = new URL(request.url);
    if (pathname === contactPath) return new Response(tenure.inContact() ? 'heard\n' : 'silent\n');
    if (request.headers.has(mark)) return await here(request, env);
    const appId = appOf(rounds, request, pathname);
    if (appId === undefined || tenure.holds(appId)) return await here(request, env);
    const owner = await ownerOf(appId);
    if (!owner || !isBounded(request)) return await here(request, env);
    const body = await bodyOf(request);
    const answer = await pass(owner, request, body).catch(() => undefined);
    return answer ?? (await here(again(request, body), env));
  };
}

export async function isSilent({ url }: Claimant): Promise<boolean> {
  const response = await fetch(new URL(contactPath, url), { signal: AbortSignal.timeout(silenceLimitMs) });
  return (await response.text()) === 'silent\n';
}

/** The database is asked once a second for each app at most. */
function createOwners(tenure: Tenure): (appId: string) => Promise<Claimant | undefined> {
  const known = new Map<string, { readonly owner: Claimant | undefined; readonly until: number }>();
  return async (appId) => {
    const before = known.get(appId);
    if (before && before.until > Date.now()) return before.owner;
    const owner = tenure.inContact() ? await tenure.leases.ownerOf(appId).catch(() => undefined) : undefined;
    const other = owner?.id === tenure.me.id ? undefined : owner;
    if (known.size > 20_000) known.clear();
    known.set(appId, { owner: other, until: Date.now() + ownerKeptMs });
    return other;
  };
}

const pushes = /^\/(metrics\/\w+|drain\/[^/]+|v3\/reports|api\/[^/]+\/v3\/reports)?$/;
const ofAnApp = /^\/api\/apps\/([^/]+)(\/.*)?$/;
/** What of an app is read from its holder's memory; the rest stands in the store. */
const readFromMemory = /^(\/inbox|\/workers)?$/;

/** The id of the app whose holder is to answer. */
function appOf(rounds: Rounds, request: Request, pathname: string): string | undefined {
  const [, name, rest = ''] = ofAnApp.exec(pathname) ?? [];
  if (name !== undefined) {
    const reads = request.method === 'GET' || request.method === 'HEAD';
    return reads && !readFromMemory.test(rest) ? undefined : rounds.app(name)?.app.id;
  }
  if (request.method !== 'POST' || !pushes.test(pathname)) return undefined;
  const token = tokenIn(request, pathname);
  return token === undefined || token.length > 256 ? undefined : rounds.byToken(token)?.app.id;
}

function tokenIn({ headers }: Request, pathname: string): string | undefined {
  const [, inPath] =
    /^\/(?:drain\/([^/]+)$)/.exec(pathname) ?? /^\/api\/([^/]+)\/v3\/reports$/.exec(pathname) ?? [];
  const [, kind, word = ''] = /^(Bearer|Basic) (\S{1,1024})$/.exec(headers.get('authorization') ?? '') ?? [];
  const password =
    kind === 'Basic'
      ? Buffer.from(word, 'base64')
          .toString()
          .replace(/^[^:]*:/, '')
      : word;
  return inPath ?? headers.get('hirefire-token') ?? (kind && password);
}

/** A body that does not say its length is the business of the route, which counts. */
function isBounded({ headers, body }: Request): boolean {
  const length = headers.get('content-length');
  return length === null ? body === null : Number(length) <= bodyBytesMaximum;
}

async function bodyOf(request: Request): Promise<Buffer | undefined> {
  return request.body ? Buffer.from(await request.arrayBuffer()) : undefined;
}

function again(request: Request, body: Buffer | undefined): Request {
  const { url, method, headers } = request;
  return new Request(url, { method, headers, ...(body && { body: new Uint8Array(body) }) });
}

/** With node:http, since fetch does not let the host stay as it came; what checks origins looks at it. */
async function pass(owner: Claimant, request: Request, body: Buffer | undefined): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const headers = Object.fromEntries([...request.headers].filter(([name]) => !hopHeaders.includes(name)));
  return await new Promise((resolve, reject) => {
    const call = send(
      new URL(`${pathname}${search}`, owner.url),
      {
        method: request.method,
        headers: { ...headers, [mark]: '1', 'content-length': body?.length ?? 0 },
        signal: within(request.signal, answerLimitMs),
      },
      (answer) => {
        const status = answer.statusCode ?? 502;
        const empty = status === 204 || status === 304 || request.method === 'HEAD';
        const given = new Headers();
        for (const [name, value] of Object.entries(answer.headers))
          for (const one of [value ?? []].flat()) if (!hopHeaders.includes(name)) given.append(name, one);
        if (empty) answer.resume();
        const stream = empty ? null : (Readable.toWeb(answer) as ReadableStream<Uint8Array>);
        resolve(new Response(stream, { status, headers: given }));
      },
    );
    call.on('error', reject);
    call.on('socket', (socket) => {
      if (!socket.connecting) return;
      const late = setTimeout(() => call.destroy(), connectLimitMs);
      socket.once('connect', () => clearTimeout(late)).once('close', () => clearTimeout(late));
    });
    call.end(body);
  });
}
