/** What an app pushes here, for the one who sets it up: does it arrive, what does it say, what was dropped? */
import { createRoute, z } from '@hono/zod-openapi';
import type { AppInbox } from '../../measure/inbox/memory.ts';
import type { GaugeMetric, TimesMetric } from '../../measure/inbox/pushed.ts';
import { percentile } from '../../measure/window.ts';
import { appName, type Inbox, inbox } from '../api.ts';
import { type Deps, failures, json, type Routes } from '../request.ts';
import { findApp } from './apps.ts';

const windowSeconds = 60;

export function inboxRoutes(api: Routes, deps: Deps): void {
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/apps/{app}/inbox',
      tags: ['apps'],
      summary: 'What the app pushes here: HireFire libraries, agents and log drains',
      request: { params: z.object({ app: appName }) },
      responses: { 200: json(inbox, 'Of the last minute.'), ...failures },
    }),
    async (c) => {
      const { id } = await findApp(deps, c.req.valid('param').app);
      return c.json(present(deps.rounds.inbox.app(id)), 200);
    },
  );
}

function present(app: AppInbox): Inbox {
  return {
    heard: [...app.heard()],
    processTypes: app.names().map((name) => ({ name, ...presentRequests(app, name), ...gauges(app, name) })),
    dropped: app.dropped(),
    sampled: app.lease.holder() !== undefined,
  };
}

function presentRequests(app: AppInbox, name: string): Partial<Inbox['processTypes'][number]> {
  const of = (metric: TimesMetric) => app.requests(name, metric, windowSeconds);
  const [queue, service, failed] = [of('queue-time'), of('service-time'), of('failed')];
  const [main] = [service, queue].filter(({ seen }) => seen);
  const queueTimeP95Ms = queue.seen ? percentile(queue.times, 0.95) : undefined;
  const responseTimeP95Ms = service.seen ? percentile(service.times, 0.95) : undefined;
  return {
    ...(main?.seen && { perSecond: main.count / main.seconds }),
    ...(queueTimeP95Ms !== undefined && { queueTimeP95Ms }),
    ...(responseTimeP95Ms !== undefined && { responseTimeP95Ms }),
    ...(failed.seen && { failedPerSecond: failed.count / failed.seconds }),
  };
}

function gauges(app: AppInbox, name: string): Partial<Inbox['processTypes'][number]> {
  const newest = (metric: GaugeMetric): number | undefined => app.newest(name, metric, windowSeconds)?.value;
  const named = {
    jobs: newest('jobs') ?? newest('sample'),
    latencySeconds: newest('latency'),
    working: newest('working'),
    cpuPercent: app.mean(name, 'cpu', windowSeconds),
    load: app.mean(name, 'load1', windowSeconds),
  };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
}
