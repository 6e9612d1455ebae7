/** @headcount/agent: put this in your app. It answers how much work waits, and never harms the app. */
export type { Agent, AgentMeter, AgentOptions, AgentRequest, AgentResponse } from './agent.ts';
export { createAgent } from './agent.ts';
export { forExpress } from './express.ts';
export { forFastify } from './fastify.ts';
export { forNodeHttp } from './node-http.ts';
