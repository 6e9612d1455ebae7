import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { describe, expect, test } from 'vitest';
import { agentContract } from './contract.ts';
import { forHono } from './index.ts';

describe('Hono 4', () => {
  agentContract({ test, expect }, async (agent) => {
    const app = new Hono();
    app.use(forHono(agent));
    app.get('/', (context) => context.text('app'));
    const server = createServer(getRequestListener(app.fetch));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return {
      url: `http://127.0.0.1:${port}`,
      close: () => new Promise((resolve) => server.close(resolve)),
    };
  });
});
