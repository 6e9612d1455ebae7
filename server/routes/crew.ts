/** Who runs now, and letting one of them go by its name where the fleet can. */
import { createRoute, z } from '@hono/zod-openapi';
import { HeadcountError } from '../../decide/errors.ts';
import type { Fleet } from '../../scale/fleet.ts';
import { appName } from '../api.ts';
import { type Crew, crew } from '../api-workers.ts';
import { realClock, withDeadline } from '../clock.ts';
import { createAskCrew, presentCrew } from '../crew.ts';
import { notFound } from '../problem.ts';
import { type Deps, failures, json, nothing, type Routes } from '../request.ts';
import { findApp } from './apps.ts';

const tags = ['apps'];
const limitMs = 20_000;
const workerName = z.string().regex(/^[A-Za-z][\w-]{0,62}\.\d{1,9}$/, 'as worker.3');

export function crewRoutes(api: Routes, deps: Deps): void {
  const ask = createAskCrew({ ...realClock, now: deps.now });
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/apps/{app}/workers',
      tags,
      summary: 'Who runs now, by process type',
      request: { params: z.object({ app: appName }) },
      responses: { 200: json(crew, 'Asked of the workers at most every five seconds.'), ...failures },
    }),
    async (c) => {
      const app = await findApp(deps, c.req.valid('param').app);
      const managers = deps.rounds.app(app.name)?.managers ?? [];
      const types = await Promise.all(
        managers.map(async (manager) => presentCrew(manager, await ask(manager))),
      );
      const answer: Crew = {
        at: deps.now(),
        letsGo: fleetOf(deps, app.name)?.leaving === 'named',
        processTypes: types.sort((a, b) => a.processType.localeCompare(b.processType)),
      };
      return c.json(answer, 200);
    },
  );
  letGoRoute(api, deps);
}

function letGoRoute(api: Routes, deps: Deps): void {
  api.openapi(
    createRoute({
      method: 'delete',
      path: '/api/apps/{app}/workers/{worker}',
      tags,
      summary:
        'Let one worker go: it finishes its work and ends; the manager hires another where one is needed',
      request: { params: z.object({ app: appName, worker: workerName }) },
      responses: { 204: nothing, ...failures },
    }),
    async (c) => {
      const { app, worker } = c.req.valid('param');
      await findApp(deps, app);
      const fleet = fleetOf(deps, app);
      if (fleet?.leaving !== 'named') throw chosenByPlatform(app);
      const processType = worker.slice(0, worker.lastIndexOf('.'));
      await withDeadline(realClock, limitMs, c.req.raw.signal, async (signal) => {
        const staying = ((await fleet.count(signal))[processType] ?? []).filter(
          ({ state }) => state !== 'stopping',
        );
        if (!staying.some(({ name }) => name === worker))
          throw notFound(`worker "${worker}" in the app "${app}"`);
        await fleet.scaleTo({ [processType]: staying.length - 1 }, signal, [worker]);
      });
      return c.body(null, 204);
    },
  );
}

function fleetOf({ rounds }: Deps, app: string): Fleet | undefined {
  const fleet = rounds.app(app)?.fleet;
  return fleet && !('problem' in fleet) ? fleet : undefined;
}

function chosenByPlatform(app: string): HeadcountError {
  return new HeadcountError(
    'FLEET_FAILED',
    `No single worker of "${app}" can be let go`,
    'where it runs, the platform chooses who goes',
    'Hold a smaller number instead.',
  );
}
