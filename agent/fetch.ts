/** The agent for whatever speaks the standard Request and Response: Hono, Next.js, Bun, Deno, Workers. */
import type { Agent } from './agent.ts';

/** Undefined at once when the request is not the agent's. `path` is what the app sees of the address, with its query. */
export function answerFetch(agent: Agent, request: Request, path: string): Promise<Response> | undefined {
  const headers = Object.fromEntries(request.headers);
  const answer = agent.handle({ method: request.method, url: path, headers });
  return answer?.then(({ status, headers, body }) => new Response(body, { status, headers }));
}
