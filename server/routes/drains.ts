/**
 * Which log drain may speak for an app. Its address holds the app's token, but addresses are shown by `heroku drains` to
 * everybody who works on the app; the drain's own token is not written there. So the first one that comes is remembered, over
 * restarts too, and another is let in only when that one has been silent for ten minutes: drains are removed and added
 * again. Asking a person for the drain's token was rejected: it must work with one command.
 */
import type { App } from '../../store/store.ts';
import { sameText } from '../auth.ts';
import type { Deps } from '../request.ts';

export interface Drains {
  /** Rejects when the store cannot be asked; Logplex then sends the frame again. */
  allows(app: App, drainToken: string | undefined): Promise<boolean>;
}

const silenceMs = 10 * 60_000;
const tokenLengthMaximum = 128;

interface Known {
  drainToken: string;
  at: number;
}

export function createDrains({ store, now, log }: Deps): Drains {
  // By the app's token as well: with a new one the drain has a new address, and thus a new token.
  const keyOf = (app: App): string => `drain.${app.id}.${app.token.slice(0, 8)}`;
  const known = new Map<string, Known>();

  const recall = async (key: string): Promise<Known | undefined> => {
    const held = known.get(key);
    if (held) return held;
    const drainToken = await store.settings.get(key);
    if (drainToken === undefined) return undefined;
    const recalled = { drainToken, at: now() };
    known.set(key, recalled);
    return recalled;
  };
  const learn = async (app: App, key: string, drainToken: string): Promise<void> => {
    await store.settings.set(key, drainToken);
    known.set(key, { drainToken, at: now() });
    log.info({ app: app.name }, 'the log drain of the app is known now');
  };
  return {
    allows: async (app, drainToken = '') => {
      const key = keyOf(app);
      const held = await recall(key);
      if (held && sameText(held.drainToken, drainToken)) {
        held.at = now();
        return true;
      }
      if (held && now() - held.at < silenceMs) return false;
      if (drainToken.length > tokenLengthMaximum) return false;
      // Without a token, as when somebody tries it by hand, there is nothing to remember.
      if (drainToken !== '') await learn(app, key, drainToken);
      return true;
    },
  };
}
