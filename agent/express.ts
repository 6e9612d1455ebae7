/** The agent as a middleware of Express 4 and 5, and of Connect. Put it before everything that answers or redirects. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Agent } from './agent.ts';
import { send } from './node-http.ts';

export type Middleware = (
  request: IncomingMessage & { readonly originalUrl?: string },
  response: ServerResponse,
  next: () => void,
) => void;

/** `app.use(forExpress(agent))`: what is not the agent's goes on to the next handler. */
export function forExpress(agent: Agent): Middleware {
  return (request, response, next) => {
    const { method, headers, originalUrl, url } = request;
    const answer = agent.handle({ method, headers, url: originalUrl ?? url });
    if (!answer) return next();
    void answer.then((ready) => send(response, ready));
  };
}
