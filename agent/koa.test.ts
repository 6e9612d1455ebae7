import type { AddressInfo } from 'node:net';
import Koa from 'koa';
import { describe, expect, test } from 'vitest';
import { agentContract } from './contract.ts';
import { forKoa } from './index.ts';

describe('Koa 3', () => {
  agentContract({ test, expect }, async (agent) => {
    const app = new Koa();
    app.use(forKoa(agent));
    app.use((context) => {
      if (context.path === '/') context.body = 'app';
    });
    const server = app.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    return {
      url: `http://127.0.0.1:${port}`,
      close: () => new Promise((resolve) => server.close(resolve)),
    };
  });
});
