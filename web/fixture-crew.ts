/** What the stand-in for the controller says of who runs now: every state that a worker can be in. */
import type { Hono } from 'hono';
import type { App } from '../server/api.ts';
import type { Crew, CrewType, CrewWorker } from '../server/api-workers.ts';

export function crewRoutes(http: Hono, state: { readonly apps: readonly App[] }): void {
  const letGone = new Set<string>();
  http.get('/api/apps/:app/workers', (c) => {
    const app = state.apps.find(({ name }) => name === c.req.param('app'));
    const now = Date.now();
    const answer: Crew = {
      at: now,
      letsGo: app?.name === 'catalogue',
      processTypes: (app?.managers ?? []).map(({ processType, latest, unknown, meters }): CrewType => {
        const workers = Array.from({ length: latest?.current ?? 0 }, (_, index) =>
          workerOf(`${processType}.${index + 1}`, index, now, meters.length > 0),
        );
        return {
          processType,
          ...(latest && { countedAt: latest.at, desired: latest.desired }),
          ...(unknown && { unknown }),
          workers: workers.filter(({ name }) => !letGone.has(name)),
          others:
            processType === 'worker' && app?.name === 'catalogue'
              ? [{ name: 'celery@laptop.local', jobs: 2, quiet: false }]
              : [],
          jobs: meters.length === 0 ? 'unasked' : unknown ? 'silent' : 'told',
        };
      }),
    };
    return c.json(answer);
  });
  http.delete('/api/apps/:app/workers/:worker', (c) => {
    letGone.add(c.req.param('worker'));
    return c.body(null, 204);
  });
}

function workerOf(name: string, index: number, now: number, asked: boolean): CrewWorker {
  const since = now - 41_000 * (index + 1);
  if (!asked) return { name, state: 'up', since };
  if (index === 1) return { name, state: 'starting', since: now - 4_000 };
  if (index === 2) return { name, state: 'up', since, jobs: 1, quietSince: now - 9_000 };
  if (index === 3) return { name, state: 'stopping', since: now - 2_000 };
  return { name, state: 'up', since, jobs: (index * 3) % 5 };
}
