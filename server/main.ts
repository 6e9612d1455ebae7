/**
 * Puts a controller together, and takes it apart again. Only wiring: what is made here is handed on as an argument, so every
 * part can be tested with others in its place.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { getRequestListener } from '@hono/node-server';
import { type Level, type Logger, pino } from 'pino';
import { HeadcountError } from '../decide/errors.ts';
import { type OpenStore, openStore } from '../store/open.ts';
import type { CheckupEvent } from './api.ts';
import { type Auth, createAuth } from './auth.ts';
import { type Clock, realClock, wordsOf } from './clock.ts';
import type { Config } from './config.ts';
import { forwarding } from './forward.ts';
import { createGuard } from './guard.ts';
import { createHttp } from './http.ts';
import { type Kinds, shippedKinds } from './kinds.ts';
import { createLive, type Live } from './live.ts';
import { createOutbox, type Outbox } from './outbox.ts';
import { openOutward } from './outward.ts';
import { withoutPrefix } from './path-prefix.ts';
import { createPost } from './post.ts';
import { type Outreach, outreachOf } from './reach.ts';
import { createRounds } from './rounds.ts';
import { openVault } from './secret-key.ts';
import { seed } from './seed.ts';
import { createTeam, joinTeam, peerUrl, type Team } from './team.ts';
import type { WhatIf } from './what-if.ts';

export interface ControllerOptions {
  readonly config: Config;
  /** Default: `info`. Lines of JSON on standard error. */
  readonly log?: Level | 'silent';
  readonly kinds?: Kinds;
  readonly clock?: Clock;
  /** Plays recorded work under other settings. Absent: nobody can. */
  readonly whatIf?: WhatIf;
}

export interface Controller {
  readonly url: string;
  /** Present while there is nobody: whoever opens it becomes the first person. */
  readonly setUpLink?: string;
  readonly store: OpenStore;
  onCheckup(listener: (event: CheckupEvent) => void): () => void;
  /** Finishes running checkups, drains and stops the fleets, closes the store. Bounded; a second call waits for the first. */
  close(): Promise<void>;
}

/** @throws HeadcountError PORT_IN_USE, STORE_IN_USE, STORE_NEWER, STORE_UNREACHABLE */
export async function startController(options: ControllerOptions): Promise<Controller> {
  const { config, kinds = shippedKinds, clock = realClock } = options;
  const log = pino({ level: options.log ?? 'info', base: null }, pino.destination(2));
  const undo: (() => Promise<unknown>)[] = [];
  try {
    return await assemble(config, kinds, clock, log, undo, options.whatIf && { whatIf: options.whatIf });
  } catch (error) {
    await takeApart(undo, log);
    throw error;
  }
}

async function assemble(
  config: Config,
  kinds: Kinds,
  clock: Clock,
  log: Logger,
  undo: (() => Promise<unknown>)[],
  more: Pick<ControllerOptions, 'whatIf'> | undefined,
): Promise<Controller> {
  await mkdir(config.data, { recursive: true });
  // The port first: it is the cheapest thing that can fail, and it is answered only when all is ready.
  const { server, answerWith, close } = await listen(config);
  undo.push(close);
  const store = await openItsStore(config, log);
  undo.push(() => store.close(), close);
  const { several } = store;
  const publicUrl = config.publicUrl && { publicUrl: config.publicUrl };
  const auth = await prepare(config, store, log, clock);
  const live = createLive();
  const outbox = await openOutbox(config, kinds, clock, log, store);
  undo.push(() => outbox.close());
  const listeners = new Set<(event: CheckupEvent) => void>();
  let stopping: Promise<void> | undefined;
  const team = several && createTeam({ several, clock, log, url: peerUrlOf(config, server) });
  const around = surroundings(config, { store, kinds, clock, log, live, outbox, server, team });
  const rounds = createRounds(around, (event) => {
    live.send('checkup', event);
    team?.relay.checkup(event);
    for (const listener of listeners) listener(event);
  });
  undo.push(() => rounds.stop());
  const key = await openKey(store);
  const http = createHttp({
    store,
    rounds,
    auth,
    live,
    outbox: team ? tellingOthers(outbox, team) : outbox,
    kinds,
    log,
    outreach: around.outreach,
    now: clock.now,
    key,
    ...publicUrl,
    ...more,
    webFolder,
    ready: () => stopping === undefined,
    metrics: await openOutward({ config, clock, log, rounds, listeners }, undo),
  });
  answerWith(getRequestListener(team ? forwarding(rounds, team.tenure, http.fetch) : http.fetch));
  undo.push(async () => live.close());
  undo.push(async () => team?.relay.close());
  const channels = async () => outbox.use(await store.channels.list());
  if (several && team) await joinTeam({ several }, team, { rounds, live, log, channels });
  await rounds.start();
  const url = addressOf(config, server);
  undo.push(await writeControllerFile(config.data, { url, key, pid: process.pid }));
  const token = await auth.newSetUpToken();
  const setUpLink = token && `${config.publicUrl ?? url}/setup#token=${token}`;
  log.info({ url }, 'the controller runs');
  return {
    url,
    ...(setUpLink && { setUpLink }),
    store,
    onCheckup: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close: () => {
      stopping ??= takeApart(undo, log);
      return stopping;
    },
  };
}

async function openItsStore(config: Config, log: Logger): Promise<OpenStore> {
  const store = await openStore(
    config.databaseUrl ? { databaseUrl: config.databaseUrl } : { folder: join(config.data, 'store') },
    await openVault(config, log),
  );
  if (store.newerSteps)
    log.warn(
      { steps: store.newerSteps },
      'a newer version has changed the tables; this one goes on without that',
    );
  return store;
}

interface Parts {
  readonly store: OpenStore;
  readonly kinds: Kinds;
  readonly clock: Clock;
  readonly log: Logger;
  readonly live: Live;
  readonly outbox: Outbox;
  readonly server: Server;
  readonly team: Team | undefined;
}

function surroundings(
  config: Config,
  parts: Parts,
): Parameters<typeof createRounds>[0] & { readonly outreach: Outreach } {
  const { store, kinds, clock, log, live, outbox, server, team } = parts;
  return {
    store,
    kinds,
    clock,
    log,
    dataFolder: config.data,
    intervalMs: config.intervalSeconds * 1000,
    outreach: outreachOf(config),
    people: { tell: outbox.tell, urlOf: linkOf(config, server) },
    showIssue: (event) => {
      live.send('issue', event);
      team?.relay.say({ say: 'issue', event });
    },
    ...(team && { team }),
  };
}

/** Several that start at once would make the same rows and tables. */
async function prepare(config: Config, store: OpenStore, log: Logger, clock: Clock): Promise<Auth> {
  const { publicUrl, singleSignOn } = config;
  const work = async () => {
    await seed(config, store, log, clock.now());
    return await createAuth({
      store,
      log,
      ...(publicUrl && { publicUrl }),
      ...(singleSignOn && { singleSignOn }),
    });
  };
  return store.several ? await store.several.leases.alone(work) : await work();
}

/** One for all that share a store: what a command line asks of one controller may be answered by another. */
async function openKey({ several, settings }: OpenStore): Promise<string> {
  const key = randomBytes(32).toString('base64url');
  return several ? await settings.setOnce('controller.key', key) : key;
}

/** What is changed here of whom to tell, the other controllers take up. */
function tellingOthers(outbox: Outbox, { relay }: Team): Outbox {
  return {
    ...outbox,
    use: (channels) => {
      outbox.use(channels);
      relay.say({ say: 'channels' });
    },
  };
}

function peerUrlOf({ host }: Config, server: Server): string {
  const { port } = server.address() as AddressInfo;
  return peerUrl(process.env.HEADCOUNT_PEER_URL, { host, port });
}

async function openOutbox(
  { allowPrivateAddresses = [] }: Config,
  { notifiers }: Kinds,
  clock: Clock,
  log: Logger,
  store: OpenStore,
): Promise<Outbox> {
  const post = createPost(createGuard(allowPrivateAddresses));
  const outbox = createOutbox({ clock, log, kinds: notifiers, post });
  outbox.use(await store.channels.list());
  return outbox;
}

function linkOf(config: Config, server: Server): (app: string, processType: string) => string {
  return (app, processType) => `${config.publicUrl ?? addressOf(config, server)}/apps/${app}/${processType}`;
}

/** In reverse: what was opened last goes first. What fails is logged; the rest goes on. */
async function takeApart(undo: readonly (() => Promise<unknown>)[], log: Logger): Promise<void> {
  for (const step of [...undo].reverse())
    await step().catch((error) => log.error(`stopping: ${wordsOf(error)}`));
}

/** Until it is told what to answer with, it answers that the controller is starting. */
async function listen(
  config: Config,
): Promise<{ server: Server; answerWith(next: RequestListener): void; close(): Promise<void> }> {
  let listener: RequestListener = (_, response) => starting(response);
  const server = createServer({ requestTimeout: 60_000, headersTimeout: 20_000 }, (request, response) =>
    listener(request, response),
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(config, error)));
    server.listen(config.port, config.host, resolve);
  });
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeIdleConnections();
      setTimeout(() => server.closeAllConnections(), 2_000).unref();
    });
  return {
    server,
    answerWith: (next) => {
      listener = withoutPrefix(config.publicUrl, next);
    },
    close,
  };
}

function starting(response: ServerResponse): void {
  response.writeHead(503, { 'retry-after': '1', 'content-type': 'text/plain' }).end('starting\n');
}

function listenError({ host, port }: Config, error: NodeJS.ErrnoException): HeadcountError {
  const what = `The controller cannot listen on ${host}:${port}`;
  const whys: Readonly<Record<string, string>> = {
    EADDRINUSE: 'something else listens there',
    EACCES: 'this user may not use that port',
    EADDRNOTAVAIL: 'this machine has no such address',
    ENOTFOUND: 'this machine has no such address',
  };
  const todo =
    error.code === 'EADDRINUSE' || error.code === 'EACCES'
      ? 'Stop it, or choose another port with --port (0: any free one) or "port:" in headcount.yaml.'
      : 'Choose another with --host or "host:" in headcount.yaml.';
  return new HeadcountError('PORT_IN_USE', what, whys[error.code ?? ''] ?? error.message, todo, {
    cause: error,
  });
}

function addressOf({ host }: Config, server: Server): string {
  const { port } = server.address() as AddressInfo;
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

/** The command line on this machine finds the controller by it. Answers how to remove it. */
async function writeControllerFile(
  folder: string,
  content: { readonly url: string; readonly key: string; readonly pid: number },
): Promise<() => Promise<void>> {
  const file = join(folder, 'controller.json');
  await rm(file, { force: true });
  await writeFile(file, `${JSON.stringify(content)}\n`, { mode: 0o600 });
  return () => rm(file, { force: true });
}

/** Beside package.json, both from the sources and from dist/. */
const webFolder = join(packageFolder(dirname(fileURLToPath(import.meta.url))), 'web', 'dist');

function packageFolder(from: string): string {
  const parent = dirname(from);
  return existsSync(join(from, 'package.json')) || parent === from ? from : packageFolder(parent);
}
