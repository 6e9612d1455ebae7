/** This controller among others on one PostgreSQL: its leases, and what they say to one another. */
import { randomBytes } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import type { Logger } from 'pino';
import type { OpenStore } from '../store/open.ts';
import type { Clock } from './clock.ts';
import { isSilent } from './forward.ts';
import type { Live } from './live.ts';
import { createRelay, heardFrom, type Relay } from './relay.ts';
import type { Rounds } from './rounds.ts';
import { createTenure, type Tenure } from './tenure.ts';

export interface Team {
  readonly tenure: Tenure;
  readonly relay: Relay;
}

interface TeamOptions {
  readonly several: NonNullable<OpenStore['several']>;
  readonly url: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export function createTeam({ several, url, clock, log }: TeamOptions): Team {
  const id = randomBytes(9).toString('base64url');
  // Leases count time that goes on evenly, whatever is done to the clock on the wall.
  const steady = { ...clock, now: () => performance.now() };
  const tenure = createTenure({ me: { id, url }, leases: several.leases, clock: steady, log, isSilent });
  const others = (): boolean => tenure.peers().length > 0;
  return { tenure, relay: createRelay({ id, bus: several.bus, clock, log, others }) };
}

interface Ears {
  readonly rounds: Rounds;
  readonly live: Live;
  readonly log: Logger;
  /** The channels were changed. */
  channels(): Promise<void>;
}

/** From now on what the others say is taken up. */
export async function joinTeam(
  { several }: Pick<TeamOptions, 'several'>,
  team: Team,
  ears: Ears,
): Promise<void> {
  const { rounds, live, log } = ears;
  const missed = async (): Promise<void> => {
    await Promise.all([rounds.lookAgain(), ears.channels()]);
  };
  const careful = (work: Promise<void>): void => {
    void work.catch((error) => log.warn({ err: error }, 'what another controller said is not taken up'));
  };
  await several.bus.listen(
    (message) => {
      const word = heardFrom(team.tenure.me.id, message);
      switch (word?.say) {
        case 'checkups':
          for (const event of word.events) {
            rounds.heard(event);
            live.send('checkup', event);
          }
          return;
        case 'issue':
          return live.send('issue', word.event);
        case 'changed':
          return careful(rounds.changed(word.app, word.now));
        case 'channels':
          return careful(ears.channels());
        case 'look':
          return careful(team.tenure.beatNow());
      }
    },
    () => careful(missed()),
  );
}

/**
 * Where the others reach this controller: HEADCOUNT_PEER_URL, else the address that it listens on; for one that listens on
 * all addresses, the first of this machine that others can have.
 */
export function peerUrl(
  given: string | undefined,
  listensOn: { readonly host: string; readonly port: number },
): string {
  if (given) return given;
  const { host, port } = listensOn;
  const everywhere = host === '0.0.0.0' || host === '::';
  const own = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ internal, family }) => !internal && family === 'IPv4')?.address;
  const name = everywhere ? (own ?? '127.0.0.1') : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}
