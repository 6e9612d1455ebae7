/**
 * The agent as a route handler of Next.js 13 to 16, in `app/hirefire/[[...path]]/route.ts`. Next has already chosen the route,
 * so there is nothing to fall through to: what is not the agent's is 404, as Next says it itself.
 */
import type { Agent } from './agent.ts';
import { answerFetch } from './fetch.ts';

interface Address {
  readonly pathname: string;
  readonly search: string;
}

/** `export const GET = forNext(agent)`; a base path of the app is not part of what is compared. */
export function forNext(agent: Agent): (request: Request) => Promise<Response> {
  return async (request) => {
    const { nextUrl = new URL(request.url) } = request as Request & { readonly nextUrl?: Address };
    const answer = answerFetch(agent, request, nextUrl.pathname + nextUrl.search);
    return answer ?? new Response('Not found\n', { status: 404 });
  };
}
