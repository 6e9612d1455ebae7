/** The agent in front of a listener of node:http (or node:https). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Agent, AgentResponse } from './agent.ts';

export type NodeListener = (request: IncomingMessage, response: ServerResponse) => unknown;

/** `createServer(forNodeHttp(agent, app))`: what is not the agent's goes to `app`, untouched. */
export function forNodeHttp(agent: Agent, app: NodeListener): NodeListener {
  return (request, response) => {
    const answer = agent.handle(request);
    if (!answer) return app(request, response);
    return answer.then((ready) => send(response, ready));
  };
}

export function send(response: ServerResponse, { status, headers, body }: AgentResponse): void {
  if (response.headersSent) return; // something else of the app, a time limit say, has answered
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body);
}
