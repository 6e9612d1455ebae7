/** The agent as a middleware of Hono 4. */
import type { Agent } from './agent.ts';
import { answerFetch } from './fetch.ts';

interface Context {
  readonly req: { readonly raw: Request };
}

/** `app.use(forHono(agent))`: what is not the agent's goes on to the next handler. */
export function forHono(
  agent: Agent,
): (context: Context, next: () => Promise<void>) => Promise<Response | undefined> {
  return async ({ req: { raw } }, next) => {
    const { pathname, search } = new URL(raw.url);
    const answer = answerFetch(agent, raw, pathname + search);
    if (answer) return answer;
    await next();
    return undefined;
  };
}
