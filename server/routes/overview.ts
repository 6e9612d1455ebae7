/** Every app at a glance, in one answer: four statements however many apps there are. The numbers come from memory. */
import { createRoute, z } from '@hono/zod-openapi';
import type { Choice } from '../../decide/words.ts';
import type { App, StoredIssue, StoredManager } from '../../store/store.ts';
import type { Use } from '../../store/usage.ts';
import {
  type Overview,
  type OverviewApp,
  type OverviewManager,
  overview,
  type PartlyKnown,
} from '../api-overview.ts';
import { costOf } from '../cost.ts';
import { createPriceList, type HourPrices } from '../price-list.ts';
import { type Deps, failures, json, type Routes } from '../request.ts';
import { presentManager } from '../settings.ts';
import { costRoutes } from './cost.ts';

const dayMs = 86_400_000;
const issuesCounted = 1_000;
/** Rolled-up hours change slowly, and a hundred open pages ask for the same. */
const usageFreshMs = 30_000;

export function overviewRoutes(api: Routes, deps: Deps): void {
  const prices = createPriceList(deps.rounds, deps.now);
  const usage = rememberUsage(deps);
  costRoutes(api, deps, prices);
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/overview',
      tags: ['apps'],
      summary: 'All apps with what waits, what runs and what they cost today',
      request: {
        query: z.object({
          from: z.coerce.number().int().min(0).max(8.64e15).optional().openapi({
            description: 'When today began where the reader is, at most 48 hours ago. Absent: 24 hours ago.',
          }),
        }),
      },
      responses: { 200: json(overview, 'The apps, by name.'), ...failures },
    }),
    async (c) => {
      const now = deps.now();
      const from = Math.max(c.req.valid('query').from ?? now - dayMs, now - 2 * dayMs);
      const { organisationIds } = c.get('access');
      const apps = (await deps.store.apps.list()).filter((one) =>
        organisationIds.includes(one.organisationId),
      );
      const [managers, issues, known] = await Promise.all([
        deps.store.managers.byApp(apps.map(({ id }) => id)),
        deps.store.issues.list({ open: true, limit: issuesCounted, organisationIds }),
        prices.of(apps.map(({ name }) => name)),
      ]);
      const used = await usage(
        [...managers.values()].flat().map(({ id }) => id),
        from,
      );
      const shown = apps.map((app) =>
        present(deps, app, managers.get(app.id) ?? [], issues, {
          prices: known.get(app.name),
          used,
          from,
          now,
        }),
      );
      return c.json({ from, apps: shown } satisfies Overview, 200);
    },
  );
}

/** By manager. */
type UsageByManager = ReadonlyMap<string, Use>;

function rememberUsage({
  store,
  now,
}: Deps): (ids: readonly string[], from: number) => Promise<UsageByManager> {
  let last:
    | { readonly key: string; readonly at: number; readonly found: Promise<UsageByManager> }
    | undefined;
  return async (ids, from) => {
    const key = `${from} ${ids.join()}`;
    if (last?.key === key && now() - last.at < usageFreshMs) return await last.found;
    const found = store
      .usage(ids, { from, to: now(), stepMs: 3 * dayMs })
      .then((uses) => new Map(uses.map((use) => [use.managerId, use])));
    const mine = { key, at: now(), found };
    last = mine;
    found.catch(() => {
      if (last === mine) last = undefined;
    });
    return await found;
  };
}

interface Spending {
  readonly prices: HourPrices | undefined;
  readonly used: UsageByManager;
  readonly from: number;
  readonly now: number;
}

function present(
  deps: Deps,
  { name, fleet }: App,
  managers: readonly StoredManager[],
  issues: readonly (StoredIssue & { readonly app: string })[],
  spending: Spending,
): OverviewApp {
  const warnings = deps.rounds.warnings(name);
  const today = todayOf(managers, spending);
  return {
    name,
    fleet: fleet.use,
    ...(warnings.length > 0 && { warnings: [...warnings] }),
    managers: managers.map((manager) => presentBriefly(deps, name, manager)),
    ...(today && { today }),
    openIssues: issues.filter((issue) => issue.app === name).length,
  };
}

/** Nothing where no price is known at all: a sum of nothing would look like zero. */
function todayOf(
  managers: readonly StoredManager[],
  { prices, used, from, now }: Spending,
): PartlyKnown | undefined {
  if (!prices) return undefined;
  const costs = managers.map((manager) => {
    const use = used.get(manager.id);
    const span = { from: Math.max(from, manager.createdAt), to: now, until: now };
    return { manager, cost: costOf(use ? [use] : [], prices[manager.processType], span) };
  });
  if (!costs.some(({ cost }) => cost.money)) return undefined;
  return {
    spent: costs.reduce((sum, { cost }) => sum + (cost.money?.spent ?? 0), 0),
    unpriced: costs
      .filter(({ cost }) => !cost.money && cost.processHours > 0)
      .map(({ manager }) => manager.processType),
    unknownHours: costs.reduce((sum, { cost }) => sum + cost.unknownHours, 0),
  };
}

function presentBriefly({ kinds, rounds }: Deps, app: string, stored: StoredManager): OverviewManager {
  const {
    rules,
    limits: _,
    meters,
    learned: __,
    combine: ___,
    ...shown
  } = presentManager(kinds, stored, rounds.manager(app, stored.processType));
  const goalSeconds = goalOf(rules, kinds.rules);
  return { ...shown, measured: meters.length > 0, ...(goalSeconds !== undefined && { goalSeconds }) };
}

/** The goal of the first rule that has an option of this name in seconds. */
function goalOf(rules: readonly Choice[], known: Deps['kinds']['rules']): number | undefined {
  for (const { use, options } of rules) {
    if (typeof options.goalSeconds === 'number') return options.goalSeconds;
    const spec = known
      .find((rule) => rule.use === use)
      ?.options.find(({ name, unit }) => name === 'goalSeconds' && unit === 's');
    if (typeof spec?.default === 'number') return spec.default;
  }
  return undefined;
}
