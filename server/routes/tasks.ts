/** What happened to tasks by name, where a meter listens to events: totals, a series of one of them, the last failures. */
import { createRoute, z } from '@hono/zod-openapi';
import { apdexOf, merged, percentile } from '../../decide/histogram.ts';
import type { Histogram } from '../../decide/words.ts';
import type { TaskPart } from '../../store/store.ts';
import { appName } from '../api.ts';
import { taskSeries, tasks } from '../api-tasks.ts';
import { notFound } from '../problem.ts';
import { type Deps, failures, json, type Routes } from '../request.ts';

const tags = ['tasks'];
const params = z.object({ app: appName });
const time = z.coerce.number().int().min(0).max(8.64e15);
const hourMs = 3_600_000;
const minuteMs = 60_000;
const pointsMaximum = 2_000;
const failuresShown = 50;

const query = z.object({
  from: time.optional(),
  to: time.optional(),
  satisfiedMs: z.coerce
    .number()
    .min(1)
    .max(86_400_000)
    .default(1_000)
    .openapi({ description: 'What counts as quick in `apdex`.' }),
});

export function taskRoutes(api: Routes, deps: Deps): void {
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/apps/{app}/tasks',
      tags,
      summary: 'Tasks by name: how many, how long, how often they failed',
      request: { params, query },
      responses: { 200: json(tasks, 'Without `from` and `to`: the last hour.'), ...failures },
    }),
    async (c) => {
      const app = await findApp(deps, c.req.valid('param').app);
      const { to = deps.now() + 1, from = to - hourMs, satisfiedMs } = c.req.valid('query');
      const found = await deps.store.tasks.parts(app.id, from, to);
      const totals = [...grouped(found.parts, ({ task, queue }) => JSON.stringify([task, queue])).values()]
        .sort((a, b) => sumOf(b, 'runMsSum') - sumOf(a, 'runMsSum'))
        .map((parts) => {
          const ended = sumOf(parts, 'succeeded') + sumOf(parts, 'failed');
          const seconds = Math.max(1, to - from) / 1_000;
          return {
            ...named(parts),
            ...summed(parts),
            perSecond: ended / seconds,
            ...scored(parts, satisfiedMs),
          };
        });
      const failed = await deps.store.tasks.failures(app.id, failuresShown);
      return c.json({ grain: found.grain, from, to, satisfiedMs, tasks: totals, failures: failed }, 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/apps/{app}/tasks/series',
      tags,
      summary: 'One task over time',
      request: {
        params,
        query: z.object({
          task: z.string().max(200).optional(),
          queue: z.string().max(1_000).optional(),
          from: time.optional(),
          to: time.optional(),
        }),
      },
      responses: { 200: json(taskSeries, 'Without `task`: all together.'), ...failures },
    }),
    async (c) => {
      const app = await findApp(deps, c.req.valid('param').app);
      const { to = deps.now() + 1, from = to - hourMs, task, queue } = c.req.valid('query');
      const of = { ...(task !== undefined && { task }), ...(queue !== undefined && { queue }) };
      const { grain, parts } = await deps.store.tasks.parts(app.id, from, to, of);
      const size = grain === 'minute' ? minuteMs : hourMs;
      // Steps of several where more would come out.
      const step = size * Math.max(1, Math.ceil((to - from) / size / pointsMaximum));
      const points = [...grouped(parts, ({ at }) => String(Math.floor(at / step) * step))].map(
        ([at, inStep]) => ({ at: Number(at), ...summed(inStep) }),
      );
      return c.json({ grain, points: points.slice(-pointsMaximum) }, 200);
    },
  );
}

async function findApp({ store }: Deps, name: string) {
  const app = await store.apps.get(name);
  if (!app) throw notFound(`app "${name}"`);
  return app;
}

function grouped(parts: readonly TaskPart[], keyOf: (part: TaskPart) => string): Map<string, TaskPart[]> {
  const groups = new Map<string, TaskPart[]>();
  for (const part of parts) {
    const key = keyOf(part);
    const group = groups.get(key);
    if (group) group.push(part);
    else groups.set(key, [part]);
  }
  return groups;
}

function named([part]: readonly TaskPart[]): { task: string; queue: string } {
  return { task: part?.task ?? '', queue: part?.queue ?? '' };
}

type Counted = 'received' | 'succeeded' | 'failed' | 'retried' | 'revoked' | 'runMsSum';

function sumOf(parts: readonly TaskPart[], name: Counted): number {
  return parts.reduce((sum, part) => sum + part[name], 0);
}

function summed(parts: readonly TaskPart[]) {
  const run = timesOf(merged(parts.map(({ runMs }) => runMs)));
  const wait = timesOf(merged(parts.map(({ waitMs }) => waitMs)));
  return {
    received: sumOf(parts, 'received'),
    succeeded: sumOf(parts, 'succeeded'),
    failed: sumOf(parts, 'failed'),
    retried: sumOf(parts, 'retried'),
    revoked: sumOf(parts, 'revoked'),
    ...(run && { runMs: { ...run, mean: sumOf(parts, 'runMsSum') / run.count } }),
    ...(wait && { waitMs: wait }),
  };
}

/** Which of the run times are those of failures nobody keeps: they are taken to be as quick as the rest. */
function scored(parts: readonly TaskPart[], satisfiedMs: number): { apdex?: number } {
  const [succeeded, failed] = [sumOf(parts, 'succeeded'), sumOf(parts, 'failed')];
  if (succeeded === 0) return failed > 0 ? { apdex: 0 } : {};
  const quick = apdexOf(merged(parts.map(({ runMs }) => runMs)), satisfiedMs);
  return quick === undefined ? {} : { apdex: (quick * succeeded) / (succeeded + failed) };
}

function timesOf(histogram: Histogram) {
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => percentile(histogram, share));
  if (p50 === undefined || p95 === undefined || p99 === undefined) return undefined;
  return { count: histogram.reduce((sum, [, count]) => sum + count, 0), p50, p95, p99 };
}
