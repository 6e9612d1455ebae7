/** The agent as a middleware of Koa 2 and 3. */
import type { Agent, AgentRequest } from './agent.ts';

interface Context {
  readonly method: string;
  readonly originalUrl: string;
  readonly headers: AgentRequest['headers'];
  status: number;
  body: unknown;
  set(headers: Record<string, string>): void;
}

/** `app.use(forKoa(agent))`: what is not the agent's goes on to the next middleware. */
export function forKoa(agent: Agent): (context: Context, next: () => Promise<unknown>) => Promise<void> {
  return async (context, next) => {
    const { method, originalUrl: url, headers } = context;
    const answer = await agent.handle({ method, url, headers });
    if (!answer) return void (await next());
    context.status = answer.status;
    context.set(answer.headers);
    context.body = answer.body;
  };
}
