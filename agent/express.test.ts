import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { describe, expect, test } from 'vitest';
import { agentContract } from './contract.ts';
import { forExpress } from './index.ts';

describe('Express 5', () => {
  agentContract({ test, expect }, async (agent) => {
    const app = express();
    app.use(forExpress(agent));
    app.get('/', (_request, response) => {
      response.send('app');
    });
    const server = createServer(app);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return {
      url: `http://127.0.0.1:${port}`,
      close: () => new Promise((resolve) => server.close(resolve)),
    };
  });
});
