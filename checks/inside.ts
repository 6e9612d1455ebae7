/**
 * What stands behind a controller's port, for tests that ask it by Request and Response: a real embedded store in a folder of its
 * own, and over it the rounds and the routes, which a test may open anew with other clocks and kinds.
 */
import { type Logger, pino } from 'pino';
import { type Auth, type AuthOptions, createAuth } from '../server/auth.ts';
import { type Clock, realClock } from '../server/clock.ts';
import { createGuard } from '../server/guard.ts';
import { createHttp } from '../server/http.ts';
import { type Kinds, shippedKinds } from '../server/kinds.ts';
import { createLive, type Live } from '../server/live.ts';
import { createOutbox } from '../server/outbox.ts';
import { createPost } from '../server/post.ts';
import type { Outreach } from '../server/reach.ts';
import type { Routes } from '../server/request.ts';
import { createRounds, type Rounds } from '../server/rounds.ts';
import { type OpenStore, openStore } from '../store/open.ts';
import { temporaryFolder } from './fixtures.ts';

export const localKey = 'the-key-of-controller.json';
/** Long enough that no checkup but the first one comes by itself. */
const intervalMs = 3_600_000;

export interface Ground {
  readonly folder: string;
  readonly store: OpenStore;
  readonly auth: Auth;
  close(): Promise<void>;
}

export type GroundOptions = Partial<Pick<AuthOptions, 'log' | 'publicUrl' | 'singleSignOn'>>;

/** @param what names the folder, so that one that was left behind tells of whom it is */
export async function openGround(what: string, options: GroundOptions = {}): Promise<Ground> {
  const folder = temporaryFolder(what);
  const store = await openStore({ folder: folder.path });
  const auth = await createAuth({ store, log: silent, ...options });
  return {
    folder: folder.path,
    store,
    auth,
    close: async () => {
      await store.close();
      folder.remove();
    },
  };
}

export interface InsideOptions {
  readonly kinds?: Kinds;
  readonly clock?: Clock;
  readonly log?: Logger;
  readonly publicUrl?: string;
  readonly outreach?: Outreach;
}

export interface Inside {
  readonly rounds: Rounds;
  readonly live: Live;
  readonly http: Routes;
  stop(): Promise<void>;
}

const silent = pino({ level: 'silent' });

/** The rounds wait to be started. Whoever knows `localKey` is the command line of the machine. */
export function openInside({ folder, store, auth }: Ground, options: InsideOptions = {}): Inside {
  const { kinds = shippedKinds, clock = realClock, log = silent, publicUrl, outreach } = options;
  const live = createLive();
  const around = { store, kinds, clock, log, dataFolder: folder, intervalMs };
  const rounds = createRounds(around, (event) => live.send('checkup', event));
  const post = createPost(createGuard(true));
  const http = createHttp({
    store,
    rounds,
    auth,
    live,
    outbox: createOutbox({ clock, log, kinds: kinds.notifiers, post }),
    kinds,
    log,
    now: clock.now,
    key: localKey,
    webFolder: folder,
    ready: () => true,
    ...(publicUrl && { publicUrl }),
    ...(outreach && { outreach }),
  });
  return {
    rounds,
    live,
    http,
    stop: async () => {
      live.close();
      await rounds.stop();
    },
  };
}
