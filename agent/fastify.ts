/** The agent as a plugin of Fastify 4 and 5. */
import type { Agent, AgentRequest } from './agent.ts';

interface Reply {
  code(status: number): Reply;
  headers(values: Record<string, string>): Reply;
  send(body: string): Reply;
}

interface Instance {
  addHook(name: 'onRequest', hook: (request: AgentRequest, reply: Reply) => Promise<unknown>): unknown;
}

/** `app.register(forFastify(agent))`: what is not the agent's goes on to the app's routes. */
export function forFastify(agent: Agent): (app: Instance) => Promise<void> {
  const plugin = async (app: Instance): Promise<void> => {
    app.addHook('onRequest', async (request, reply) => {
      const answer = await agent.handle(request);
      if (answer) return reply.code(answer.status).headers(answer.headers).send(answer.body);
      return undefined;
    });
  };
  // without this mark the hook would serve only the routes inside the plugin, and there are none
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true });
}
