/**
 * The side on which apps push to us, in HireFire's protocols and Heroku's log drains. Nobody logs in here: the app's token is
 * the key. Facts: hirefire-resource 1.x and 2.0 for Ruby, Python and Node; heroku/logplex.
 *
 *   POST /                 1.x: queue times. A drain, when it says so; its password in the address is the token
 *   POST /drain/<token>    a log drain
 *   POST /metrics/ingest   2.0: all metrics
 *   POST /metrics/lease    2.0: may this process sample the job queues, and which?
 *   POST /metrics/workers  ours: are the workers of this process to rest? (workers.ts)
 *
 * What a library does with an answer decides which one it gets. Libraries 1.x send everything again, every second, until
 * they hear 200 (Node takes no other number), and write an error to the app's log each time: so they get 200 whatever they
 * sent, also for a token that nobody has, and we say in our own log what is wrong with it. Answering 401 there was
 * rejected: a removed app would be made to shout for ever by a service that it has left. Libraries 2.0 stop at
 * 401 without a word, and drop what got 413.
 */
import type { Context } from 'hono';
import { resolve } from '../../decide/choice.ts';
import { HeadcountError } from '../../decide/errors.ts';
import { parseMetrics, parseQueueTimes } from '../../measure/inbox/hirefire.ts';
import { leaseSeconds, type PlanEntry, planOf } from '../../measure/inbox/lease.ts';
import { parseDrain } from '../../measure/inbox/logplex.ts';
import type { Deps, Env, Routes } from '../request.ts';
import type { Watched } from '../watched.ts';
import { createDrains, type Drains } from './drains.ts';
import { passwordIn, rawBytesMaximum, readBody, textOf, tooLarge } from './push-body.ts';
import { workersRoutes } from './workers.ts';

/** What the libraries 2.0 themselves never exceed. */
const metricsBytesMaximum = 131_072;
const dispatchSeconds = 1;
/** Two samples within each checkup of ten seconds. */
const sampleSeconds = 5;

type Request = Context<Env>;

export function ingestRoutes(api: Routes, deps: Deps): void {
  const warn = warnOnceAMinute(deps);
  const drains = createDrains(deps);

  api.post('/', async (c, next) => {
    if (isDrain(c)) return await takeDrain(deps, drains, c, passwordIn(c), warn);
    if (c.req.header('hirefire-token') === undefined) return await next();
    return await takeQueueTimes(deps, c, warn);
  });
  api.post('/drain/:token', (c) => takeDrain(deps, drains, c, c.req.param('token'), warn));
  api.post('/metrics/ingest', (c) => takeMetrics(deps, c));
  api.post('/metrics/lease', (c) => answerLease(deps, c));
  workersRoutes(api, deps);
}

async function takeQueueTimes(deps: Deps, c: Request, warn: Warn): Promise<Response> {
  const agent = c.req.header('hirefire-resource');
  const app = appOf(deps, c);
  if (!app) {
    warn(`queue times came with a token that no app has, from ${agent ?? 'a library without a name'}`);
    return c.text('Nothing was kept: no app here has this token.\n');
  }
  const inbox = deps.rounds.inbox.app(app.app.id);
  const body = await readBody(c, rawBytesMaximum);
  const parsed = body && parseQueueTimes(textOf(body), deps.now());
  if (parsed) inbox.take('hirefire-1', agent, parsed);
  else inbox.refuse(body === undefined ? 'too-large' : 'malformed');
  return c.text(parsed ? '' : 'Nothing was kept: this is no object of seconds and times.\n');
}

async function takeMetrics(deps: Deps, c: Request): Promise<Response> {
  const { app } = appOf(deps, c) ?? refuse();
  const inbox = deps.rounds.inbox.app(app.id);
  const body = await readBody(c, metricsBytesMaximum);
  if (!body) {
    inbox.refuse('too-large');
    throw tooLarge(metricsBytesMaximum);
  }
  const parsed = parseMetrics(textOf(body), deps.now());
  if (!parsed) {
    inbox.refuse('malformed');
    throw notAList();
  }
  inbox.take('hirefire-2', c.req.header('hirefire-agent'), parsed);
  return c.body('', 200, { 'HireFire-Dispatch-Frequency': String(dispatchSeconds) });
}

async function answerLease(deps: Deps, c: Request): Promise<Response> {
  const watched = appOf(deps, c) ?? refuse();
  const inbox = deps.rounds.inbox.app(watched.app.id);
  inbox.asked(c.req.header('hirefire-agent'));
  const processId = c.req.header('hirefire-process-id') ?? '';
  const entries = planEntries(deps, watched);
  const askable = /^[\x21-\x7e]{1,128}$/.test(processId) && entries.length > 0;
  const granted = askable && inbox.lease.ask(processId);
  return c.body(granted ? planOf(entries) : '', 200, {
    'HireFire-Lease-Granted': String(granted),
    'HireFire-Lease-TTL': String(leaseSeconds),
    'HireFire-Sample-Frequency': String(sampleSeconds),
    ...(granted && { 'Content-Type': 'application/json' }),
  });
}

/** What the meters of the managers that are not paused want to know; a broken meter wants nothing. */
function planEntries({ kinds }: Deps, { managers }: Watched): PlanEntry[] {
  return managers
    .filter(({ stored }) => !stored.paused)
    .flatMap(({ stored }) =>
      stored.meters.flatMap((choice) => {
        try {
          const { kind, options } = resolve('meter', kinds.meters, choice);
          return kind.plan?.(options, stored.processType) ?? [];
        } catch {
          return [];
        }
      }),
    );
}

/** Logplex sends a frame again unless it hears 2xx; at 4xx it gives the frame up. */
async function takeDrain(
  deps: Deps,
  drains: Drains,
  c: Request,
  token: string | undefined,
  warn: Warn,
): Promise<Response> {
  const watched = token === undefined ? undefined : deps.rounds.byToken(token);
  if (!watched) {
    warn('a log drain came with a token that no app has');
    throw refused();
  }
  const { app } = watched;
  if (!(await drains.allows(app, c.req.header('logplex-drain-token')))) {
    warn(`a second log drain for the app "${app.name}" was refused: another one is in use`);
    throw refused();
  }
  const inbox = deps.rounds.inbox.app(app.id);
  const body = await readBody(c, rawBytesMaximum);
  if (!body) {
    inbox.refuse('too-large');
    throw tooLarge(rawBytesMaximum);
  }
  const frame = c.req.header('logplex-frame-id');
  if (frame === undefined || inbox.isNewFrame(frame))
    inbox.take('logplex', c.req.header('user-agent'), parseDrain(new Uint8Array(body), deps.now()));
  return c.body('', 200);
}

function isDrain(c: Request): boolean {
  const type = c.req.header('content-type') ?? '';
  return type.startsWith('application/logplex-1') || c.req.header('logplex-drain-token') !== undefined;
}

function appOf(deps: Deps, c: Request): Watched | undefined {
  const token = c.req.header('hirefire-token') ?? '';
  return token === '' || token.length > 256 ? undefined : deps.rounds.byToken(token);
}

type Warn = (text: string) => void;

function warnOnceAMinute({ now, log }: Deps): Warn {
  let told = Number.NEGATIVE_INFINITY;
  return (text) => {
    if (now() - told < 60_000) return;
    told = now();
    log.warn(text);
  };
}

function refuse(): never {
  throw refused();
}

function refused(): HeadcountError {
  return new HeadcountError(
    'LOGIN_REQUIRED',
    'The push was refused',
    'its token is of no app here',
    "Set HIREFIRE_TOKEN, or the drain's address, as the app's page shows it.",
  );
}

function notAList(): HeadcountError {
  return new HeadcountError(
    'BODY_INVALID',
    'The push was dropped',
    'its body is no JSON list',
    'Send [{"name":"worker","metrics":{"jqs":{"<second>":42}}}].',
  );
}
