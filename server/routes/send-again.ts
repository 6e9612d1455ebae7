/** A failed task, once more: the same call under a new id. */
import { createRoute, z } from '@hono/zod-openapi';
import { appName } from '../api.ts';
import { sentAgain } from '../api-tasks.ts';
import { realClock } from '../clock.ts';
import { notFound } from '../problem.ts';
import { type Deps, failures, json, type Routes } from '../request.ts';
import { sendAgain } from '../send-again.ts';
import { findApp } from './apps.ts';

/** As many as are kept of an app. */
const failuresSearched = 200;
const taskId = z.string().min(1).max(200);

export function sendAgainRoutes(api: Routes, deps: Deps): void {
  const clock = { ...realClock, now: deps.now };
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/apps/{app}/tasks/failures/{task}/send-again',
      tags: ['tasks'],
      summary: 'Send a failed task again, once: the same name, arguments and queue under a new id',
      request: { params: z.object({ app: appName, task: taskId }) },
      responses: {
        200: json(sentAgain, 'The new one. `task` in the path is the id of the failed one.'),
        ...failures,
      },
    }),
    async (c) => {
      const { app, task } = c.req.valid('param');
      const { id: appId, name } = await findApp(deps, app);
      const listed = await deps.store.tasks.failures(appId, failuresSearched);
      const failure = listed.find(({ id }) => id === task);
      if (!failure) throw notFound(`failed task "${task}" among the last of the app "${name}"`);
      const sent = await sendAgain(clock, deps.rounds.app(name)?.managers ?? [], failure);
      return c.json({ id: sent.id, task: sent.task, queue: sent.queue }, 200);
    },
  );
}
