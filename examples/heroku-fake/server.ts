/**
 * A fake Heroku: a real HTTP server that answers as the Platform API does, for one app, as far as scaling needs it.
 *
 * It holds requests to the published schema, counts calls against the rate limit, boots dynos after a delay and ends them as
 * Heroku does: highest number first, SIGTERM, 30 seconds, SIGKILL. Dynos are virtual, on a clock that a test may move,
 * or real processes of a Procfile. Recording Heroku's answers and playing them back was the other way: it would
 * show that a client sends what it sent before, and not that it copes with what happens next.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { type Controls, control, crash, setBusy } from './control.ts';
import type { Clock } from './dyno.ts';
import type { Stats } from './dynos.ts';
import { createFaults, type Failing, type Fault } from './faults.ts';
import { stableId } from './ids.ts';
import { createOAuth, type OAuth, type OAuthOptions } from './oauth.ts';
import { createPlatform, type Platform } from './platform.ts';
import { startProcesses } from './process.ts';
import { bucketSize, createBucket } from './rates.ts';
import { invalid, Refusal } from './refusal.ts';
import { passToWeb } from './router.ts';
import { type Answer, type Call, type RouteSettings, route } from './routes.ts';
import { startVirtual } from './virtual.ts';

export interface FakeOptions {
  /** Process type to command. */
  readonly procfile: Readonly<Record<string, string>>;
  /** Name of the app. Default `demo`. */
  readonly app?: string;
  /** The only key that is let in. Default `fake-key`. */
  readonly apiKey?: string;
  /** Lets in an OAuth client beside the key, with keys that end. */
  readonly oauth?: OAuthOptions;
  /** Default: any free port. Loopback only. */
  readonly port?: number;
  /** Passes requests to the web dynos. Default: any free port; only with `run`. */
  readonly routerPort?: number;
  /** Folder in which the commands run as real processes. Absent: dynos are virtual. */
  readonly run?: string;
  readonly config?: Readonly<Record<string, string>>;
  /** Dyno size of every process type at first. Default Standard-1X. */
  readonly size?: string;
  readonly bootSeconds?: number;
  readonly graceSeconds?: number;
  /** Most dynos of the app. Default 100. */
  readonly mostDynos?: number;
  /** Holds requests to the published schema; else what Heroku's command line sends beyond it is accepted too. */
  readonly strict?: boolean;
  /** Leaves dynos out of the list from the moment when they must go. */
  readonly hideEnding?: boolean;
  /** Heroku's own autoscaling is on for `web`. */
  readonly autoscale?: boolean;
  readonly clock?: Clock;
  /** Like Heroku's log: `heroku[worker.3]: State changed from starting to up`. */
  log?(line: string): void;
}

export interface FakeStats extends Readonly<Omit<Stats, 'kills'>> {
  readonly kills: readonly { readonly dyno: string; readonly at: number; readonly running: number }[];
  readonly requests: number;
  /** Answers with a status of 400 or more. */
  readonly refusals: number;
  readonly rateRemaining: number;
  /** Process type to quantity. */
  readonly formation: Readonly<Record<string, number>>;
}

export interface FakeHeroku {
  /** Use it as `baseUrl` and `metricsUrl` of the fleet, and as HEROKU_HOST. */
  readonly url: string;
  readonly routerUrl: string | undefined;
  readonly apiKey: string;
  /** `PATCH /apps/demo/formation {"updates":[…]}`: the last 1,000 calls of the API, with their bodies. */
  readonly calls: string[];
  stats(): FakeStats;
  fault(fault: Fault): void;
  clearFaults(): void;
  /** How many jobs a virtual dyno works on. */
  setBusy(dyno: string, running: number): void;
  crash(dyno: string): void;
  setRemaining(calls: number): void;
  /** Ends every key of the OAuth client. */
  revokeKeys(): void;
  /** SIGTERM, grace time, SIGKILL for every dyno; then the server closes. */
  close(): Promise<void>;
}

interface Fake extends Controls {
  readonly settings: RouteSettings;
  readonly apiKey: string;
  readonly oauth: OAuth | undefined;
  readonly calls: string[];
  requests: number;
  refusals: number;
}

const largestBodyBytes = 1024 * 1024;
const mostCalls = 1_000;

const realClock: Clock = {
  now: Date.now,
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

export async function startFakeHeroku(options: FakeOptions): Promise<FakeHeroku> {
  const platform = openPlatform(options);
  const clock = options.clock ?? realClock;
  let routerUrl: string | undefined;
  const fake: Fake = {
    platform,
    faults: createFaults(),
    bucket: createBucket(() => clock.now(), bucketSize),
    apiKey: options.apiKey ?? 'fake-key',
    oauth: options.oauth && createOAuth(options.oauth, () => clock.now()),
    calls: [],
    requests: 0,
    refusals: 0,
    stats: () => statsOf(fake),
    settings: {
      strict: options.strict ?? false,
      mostDynos: options.mostDynos ?? 100,
      webUrl: () => routerUrl ?? `https://${platform.app.name}.example.com/`,
      monitors: options.autoscale ? [monitor()] : [],
    },
  };
  const api = createServer((incoming, answer) => void serve(fake, incoming, answer));
  const url = await listen(api, options.port ?? 0);
  const router = createServer((incoming, answer) => passToWeb(platform, incoming, answer));
  if (options.run !== undefined) routerUrl = await listen(router, options.routerPort ?? 0);
  return {
    url,
    routerUrl,
    apiKey: fake.apiKey,
    calls: fake.calls,
    stats: fake.stats,
    fault: fake.faults.add,
    clearFaults: fake.faults.clear,
    setBusy: (dyno, running) => setBusy(platform, dyno, running),
    crash: (dyno) => crash(platform, dyno),
    setRemaining: fake.bucket.set,
    revokeKeys: () => fake.oauth?.revoke(),
    async close() {
      await platform.close();
      await Promise.all([close(api), close(router)]);
    },
  };
}

function openPlatform(options: FakeOptions): Platform {
  const { run } = options;
  return createPlatform({
    app: options.app ?? 'demo',
    procfile: options.procfile,
    size: options.size ?? 'Standard-1X',
    clock: options.clock ?? realClock,
    bootMs: (options.bootSeconds ?? 0) * 1_000,
    graceMs: (options.graceSeconds ?? 30) * 1_000,
    hideEnding: options.hideEnding ?? false,
    config: options.config ?? {},
    startBody: (config) => (run === undefined ? startVirtual : startProcesses(run, config)),
    log: (source, dyno, text) => options.log?.(`${source}[${dyno}]: ${text}`),
  });
}

async function serve(fake: Fake, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  let answer: Answer | 'hang up';
  try {
    answer = await answerTo(fake, incoming, await readBody(incoming));
  } catch (error) {
    if (!(error instanceof Refusal)) {
      response.destroy(error as Error);
      return;
    }
    answer = { status: error.status, body: error.body() };
  }
  if (answer === 'hang up') {
    response.destroy();
    return;
  }
  if (answer.status >= 400) fake.refusals += 1;
  const body = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? {});
  response.writeHead(answer.status, {
    'content-type': 'application/json;charset=utf-8',
    'request-id': stableId(`request ${fake.requests}`),
    'ratelimit-remaining': String(fake.bucket.remaining()),
    ...answer.headers,
  });
  response.end(body);
}

async function answerTo(fake: Fake, incoming: IncomingMessage, text: string): Promise<Answer | 'hang up'> {
  const { pathname } = new URL(incoming.url ?? '/', 'http://fake');
  const { method = 'GET', headers } = incoming;
  const call: Call = {
    method,
    path: pathname.split('/').slice(1).map(decodeURIComponent),
    range: headers.range,
    body: () => parse(text, headers['content-type']),
  };
  if (call.path[0] === 'fake') return control(fake, call);
  if (pathname === '/oauth/token' && method === 'POST' && fake.oauth) {
    // Without the body: it is all secrets.
    fake.calls.push('POST /oauth/token');
    return fake.oauth.make(text, headers['content-type']);
  }
  fake.requests += 1;
  fake.calls.push(`${method} ${pathname}${text === '' ? '' : ` ${text}`}`);
  if (fake.calls.length > mostCalls) fake.calls.shift();
  const fault = fake.faults.take(`${method} ${pathname}`);
  if (fault?.delayMs) await delay(fault.delayMs);
  if (fault?.hangUp) return 'hang up';
  if (fault && (fault.status ?? fault.raw) !== undefined) return failing(fault);
  checkHeaders(fake, headers);
  if (pathname === '/account/rate-limits' && method === 'GET')
    return { status: 200, body: { remaining: fake.bucket.remaining() } };
  if (!fake.bucket.take())
    throw new Refusal(
      429,
      'rate_limit',
      'Your account reached the API rate limit. Please wait a few minutes.',
    );
  return route(fake.platform, fake.settings, call);
}

function checkHeaders({ apiKey, oauth }: Fake, { authorization, accept }: IncomingMessage['headers']): void {
  const key = /^Bearer (\S+)$/.exec(authorization ?? '')?.[1] ?? '';
  if (key !== apiKey && !oauth?.lets(key))
    throw new Refusal(401, 'unauthorized', 'Invalid credentials provided.');
  if (!/^application\/vnd\.heroku\+json;\s*version=3(\.[\w-]+)?$/.test(accept ?? ''))
    throw new Refusal(406, 'not_acceptable', 'Ask for application/vnd.heroku+json; version=3.');
}

function failing({
  status = 500,
  id = 'error',
  message = 'It failed.',
  more,
  raw,
  headers,
}: Failing): Answer {
  const body = raw ?? new Refusal(status, id, message, more).body();
  return { status, body, ...(headers && { headers }) };
}

function parse(text: string, type: string | undefined): unknown {
  if (!type?.startsWith('application/json'))
    throw new Refusal(400, 'bad_request', 'The Content-Type must be application/json.');
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(400, 'bad_request', 'The body is not JSON.');
  }
}

async function readBody(incoming: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of incoming as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > largestBodyBytes) throw invalid('the body is too large');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function statsOf({ platform, bucket, requests, refusals }: Fake): FakeStats {
  const formation = Object.fromEntries(platform.rows.map(({ type, quantity }) => [type, quantity]));
  return { ...platform.stats, requests, refusals, rateRemaining: bucket.remaining(), formation };
}

function monitor(): Record<string, unknown> {
  const bounds = { min_quantity: 1, max_quantity: 10, value: 1_000, op: 'GREATER_OR_EQUAL', period: 1 };
  const id = stableId('monitor');
  return { id, name: 'LATENCY_SCALE', process_type: 'web', action_type: 'scale', is_active: true, ...bounds };
}

function listen(server: Server, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', () => {
      const address = server.address();
      resolve(`http://127.0.0.1:${typeof address === 'object' && address ? address.port : port}`);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
