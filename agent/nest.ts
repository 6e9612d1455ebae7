/**
 * The agent in front of a NestJS 9 to 12 app, on Express and on Fastify alike. As a middleware of the whole app and not as a
 * module, because what a module serves moves with `setGlobalPrefix` and stands behind its guards.
 */
import type { Agent } from './agent.ts';
import { forExpress, type Middleware } from './express.ts';

/** `app.use(forNest(agent))` in main.ts, before `app.listen()`. */
export function forNest(agent: Agent): Middleware {
  return forExpress(agent);
}
