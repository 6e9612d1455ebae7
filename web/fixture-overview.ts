/** What the stand-in for the controller says of all apps at once: the overview and the money, made from its apps. */
import type { Hono } from 'hono';
import type { App, Manager } from '../server/api.ts';
import type { Cost, Overview, OverviewManager, TypeCost } from '../server/api-overview.ts';

const dayMs = 86_400_000;
/** What a process costs in an hour, by process type, where its fleet tells. */
const prices: Readonly<Record<string, number>> = { web: 0.0347, worker: 0.0694, nightly: 0.0694 };

export function overviewRoutes(http: Hono, state: { readonly apps: readonly App[] }): void {
  http.get('/api/overview', (c) => {
    const from = Number(c.req.query('from') ?? Date.now() - dayMs);
    const answer: Overview = {
      from,
      apps: state.apps.map((app) => ({
        name: app.name,
        fleet: app.fleet.use,
        managers: app.managers.map(briefly),
        openIssues: 0,
        ...(app.name === 'catalogue' && {
          today: { spent: 4.31, unpriced: ['mailer'], unknownHours: 0 },
        }),
        ...(app.name === 'royalties' && { today: { spent: 12.4, unpriced: [], unknownHours: 0 } }),
      })),
    };
    return c.json(answer);
  });
  http.get('/api/cost', (c) => {
    const [from, until] = [Number(c.req.query('from')), Number(c.req.query('until'))];
    const to = Math.max(from, Math.min(Date.now(), until));
    const priced = (app: App): boolean => app.fleet.use !== 'dry-run' && app.name.length < 40;
    const answer: Cost = {
      from,
      to,
      until,
      apps: state.apps.map((app) => ({
        name: app.name,
        fleet: app.fleet.use,
        processTypes: app.managers.map((manager, index) =>
          costOf(manager, index, { from, to, until }, priced(app) ? prices[manager.processType] : undefined),
        ),
      })),
    };
    return c.json(answer);
  });
}

function briefly(manager: Manager): OverviewManager {
  const { rules, limits: _, meters, learned: __, combine: ___, ...shown } = manager;
  const goal = rules[0]?.options.goalSeconds;
  return {
    ...shown,
    measured: meters.length > 0,
    ...(typeof goal === 'number' && { goalSeconds: goal }),
  };
}

function costOf(
  { processType, maximum }: Manager,
  index: number,
  { from, to, until }: { from: number; to: number; until: number },
  price: number | undefined,
): TypeCost {
  const count = Math.ceil((to - from) / dayMs);
  const usual = Math.min(maximum, 40) / 3;
  const days = Array.from({ length: count }, (_, day) =>
    day === 2 && index === 0 ? null : 24 * usual * (1 + Math.sin(day * 1.7 + index) / 2),
  );
  const known = days.filter((day) => day !== null);
  const hours = known.length * 24;
  const processHours = known.reduce((sum, day) => sum + day, 0);
  const peak = Math.max(usual * 1.8, 1);
  const alwaysOnHours = peak * hours;
  const forecastHours = processHours + (hours > 0 ? (processHours / hours) * ((until - to) / 3_600_000) : 0);
  const money = price !== undefined && {
    pricePerHour: price,
    spent: processHours * price,
    alwaysOn: alwaysOnHours * price,
    saved: Math.max(0, alwaysOnHours - processHours) * price,
    forecast: forecastHours * price,
  };
  const use = { hours, unknownHours: (days.length - known.length) * 24, processHours, peak, alwaysOnHours };
  return { processType, ...use, forecastHours, ...(money && { money }), days };
}
