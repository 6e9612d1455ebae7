/** What the stand-in for the controller says of the past: series and decisions. */
import type { Hono } from 'hono';
import type { Decision, Manager } from '../server/api.ts';
import type { FixtureState } from './fixture.ts';
import { demoDecisions, longApp, longType, points, stepMs } from './fixture-data.ts';

const path = '/api/apps/:app/managers/:type';

/** Whose the decisions are, in turn, where those of all managers are asked for; the first manager has most. */
const owners = [
  { app: 'catalogue', processType: 'worker' },
  { app: 'catalogue', processType: 'worker' },
  { app: 'royalties', processType: 'worker' },
  { app: longApp, processType: longType },
];

type Found = Decision & { readonly app?: string; readonly processType?: string };

function isWanted(found: Found, { app, processType, outcome, only }: Record<string, string>): boolean {
  return (
    (app ?? found.app) === found.app &&
    (processType ?? found.processType) === found.processType &&
    (outcome ?? found.outcome) === found.outcome &&
    (only !== 'changes' || found.current !== found.desired) &&
    (only !== 'failures' || found.outcome === 'failed')
  );
}

export function historyRoutes(
  http: Hono,
  state: Pick<FixtureState, 'decisions'>,
  find: (app: string, type: string) => Manager | undefined,
): void {
  http.get(`${path}/series`, (c) => {
    const [from, to] = [Number(c.req.query('from')), Math.min(Number(c.req.query('to')), Date.now())];
    const found = find(c.req.param('app'), c.req.param('type'));
    if (!found?.latest) return c.json({ grain: 'raw', points: [] });
    const spanMs = to - from;
    const [grain, gapMs] =
      spanMs > 1e8 ? ['hour', 3_600_000] : spanMs > 1e7 ? ['minute', 60_000] : ['raw', stepMs];
    // As the controller does: several hours to a point where there would be more than 2,000.
    const steps = Math.ceil(spanMs / Number(gapMs) / 1_999);
    const made = points(from, to, Number(gapMs) * Math.max(1, steps));
    const bare = made.map(({ at, current, desired, unknown }) => ({
      at,
      current,
      desired,
      unknown: 0 * unknown,
    }));
    return c.json({ grain, points: found.meters.length > 0 ? made : bare });
  });
  http.get(`${path}/decisions`, (c) => {
    const before = c.req.query('before');
    const found = find(c.req.param('app'), c.req.param('type'));
    const all = found?.latest ? state.decisions : [];
    const rest = before ? all.slice(all.findIndex(({ id }) => id === before) + 1) : all;
    const shown = rest.slice(0, 50);
    return c.json({ decisions: shown, ...(rest.length > 50 ? { next: shown.at(-1)?.id } : {}) });
  });
  http.get('/api/decisions', (c) => {
    const { before, limit, from, ...asked } = c.req.query();
    const all = state.decisions
      .map((decision, index) => ({ ...decision, ...owners[index % owners.length] }))
      .filter((found) => isWanted(found, asked) && found.at >= Number(from ?? 0));
    const rest = before ? all.slice(all.findIndex(({ id }) => id === before) + 1) : all;
    const shown = rest.slice(0, Number(limit));
    return c.json({ decisions: shown, ...(rest.length > shown.length ? { next: shown.at(-1)?.id } : {}) });
  });
  http.post(`${path}/evaluate`, (c) => {
    const [newest] = demoDecisions(Date.now());
    const at = Date.now();
    return c.json({
      app: c.req.param('app'),
      processType: c.req.param('type'),
      readings: [{ kind: 'jobs', queue: 'celery', at, waiting: 12_430, running: 20, oldestSeconds: 41.2 }],
      ...newest,
    });
  });
}
