import fastify from 'fastify';
import { describe, expect, test } from 'vitest';
import { agentContract } from './contract.ts';
import { forFastify } from './index.ts';

describe('Fastify 5', () => {
  agentContract({ test, expect }, async (agent) => {
    const app = fastify();
    await app.register(forFastify(agent));
    app.get('/', () => 'app');
    return { url: await app.listen({ port: 0, host: '127.0.0.1' }), close: () => app.close() };
  });
});
