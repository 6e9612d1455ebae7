/**
 * Scales the dynos of a Heroku app over the Platform API: one call changes all process types.
 *
 * Heroku picks who goes, always the highest numbers, and cannot tell a dyno to take no new work, so there is no `drain`;
 * the controller tells the workers themselves, through the queue. Facts: the published schema (heroku/platform-api), and heroku/cli for what is not in it.
 * Stopping single dynos was another way to pick the victim, but Heroku starts a stopped dyno of a formation again.
 */
import type { Options } from '../decide/options.ts';
import type { Formation } from '../decide/words.ts';
import { checkDesired, type Fleet, type FleetKind, type FleetSurroundings } from './fleet.ts';
import { createApi } from './heroku/api.ts';
import { type HerokuApp, openApp } from './heroku/app.ts';
import { watchAutoscale } from './heroku/autoscale.ts';
import { type Caps, createCaps, type Order } from './heroku/caps.ts';
import { watchCrashed } from './heroku/crashed.ts';
import type { Row } from './heroku/formation.ts';
import { type Hands, watchHands } from './heroku/hands.ts';
import { createKeys } from './heroku/keys.ts';
import { herokuOptions, readPlan } from './heroku/plan.ts';
import { pricesOf } from './heroku/prices.ts';

export const heroku: FleetKind = {
  use: 'heroku',
  title: 'Heroku',
  help: 'Changes the number of dynos of an app at Heroku.',
  options: herokuOptions,
  create: async (given, surroundings) => createHeroku(given, surroundings),
};

const rowsFreshMs = 5_000;
const rowsTrustedMs = 60_000;
const pricesTrustedMs = 24 * 3_600_000;
const mostTries = 4;

/** @throws HeadcountError OPTION_INVALID */
export function createHeroku(given: Options, { now, log }: FleetSurroundings): Fleet {
  const plan = readPlan(given, process.env);
  const keys = createKeys({ ...plan, now });
  const api = createApi({ ...plan, keys, now });
  const app = openApp(api, plan.app, plan.baseUrl, now);
  const metrics = plan.metricsUrl ? createApi({ ...plan, keys, baseUrl: plan.metricsUrl, now }) : undefined;
  const fight = `Heroku's own autoscaling is on for web, so web is left alone. To change that: heroku ps:autoscale:disable -a ${plan.app}`;
  const autoscale = watchAutoscale(metrics, (isOn) =>
    log('web', isOn ? fight : "Heroku's autoscaling is off"),
  );
  const caps = createCaps(log);
  const crashed = watchCrashed();
  const hands = watchHands(log);
  let sizes: { readonly list: unknown[]; readonly at: number } | undefined;

  async function restart(formation: Formation, signal: AbortSignal): Promise<void> {
    for (const name of crashed(formation, now()))
      await app.restart(name, signal).then(
        () => log(name, 'restarted, because it stayed crashed'),
        (error: Error) => log(name, `not restarted: ${error.message}`),
      );
  }

  return {
    name: 'heroku',
    leaving: 'highest',
    async count(signal) {
      signal.throwIfAborted();
      const { formation, rows, isNew } = await app.count(signal);
      if (isNew) autoscale.look(rows, now());
      if (isNew) hands.look(rows, now());
      if (isNew && plan.restartCrashed) await restart(formation, signal);
      return formation;
    },
    async scaleTo(desired, signal) {
      signal.throwIfAborted();
      const types = Object.keys(desired);
      let rows = await app.rows(rowsFreshMs, signal);
      if (!types.every((type) => rows.some((row) => row.type === type))) rows = await app.rows(0, signal);
      const known = rows.map(({ type }) => type);
      checkDesired('heroku', desired, known);
      const orders = rows.flatMap((row): Order[] => {
        const wanted = desired[row.type];
        if (wanted === undefined || (row.type === 'web' && autoscale.isOn())) return [];
        const allowed = caps.apply({ type: row.type, quantity: wanted }, row, now());
        return allowed.quantity === row.quantity ? [] : [allowed];
      });
      await order({ app, caps, hands, now }, orders, rows, signal);
    },
    async cost(signal) {
      signal.throwIfAborted();
      if (!sizes || now() - sizes.at > pricesTrustedMs)
        sizes = { list: await api.list('/dyno-sizes', signal), at: now() };
      return pricesOf(await app.rows(rowsTrustedMs, signal), sizes.list);
    },
    warnings: () => [
      ...(autoscale.isOn() ? [fight] : []),
      ...caps.warnings(now()),
      ...hands.warnings(now()),
      ...(app.spacingMs() > 0
        ? [`few calls are left at Heroku, so dynos are counted every ${app.spacingMs() / 1000} s`]
        : []),
    ],
    close: async () => autoscale.close(),
  };
}

interface Desk {
  readonly app: HerokuApp;
  readonly caps: Caps;
  readonly hands: Hands;
  now(): number;
}

/** As many as may run are ordered where Heroku says that so many may not. */
async function order(
  { app, caps, hands, now }: Desk,
  orders: readonly Order[],
  rows: readonly Row[],
  signal: AbortSignal,
): Promise<void> {
  let next: readonly Order[] = orders;
  for (let tries = 1; next.length > 0; tries++)
    try {
      hands.ordering(next);
      return await app.order(next, signal);
    } catch (error) {
      const lowered = tries < mostTries ? caps.lower(next, rows, error, now()) : undefined;
      if (!lowered) throw error;
      next = lowered;
    }
}
