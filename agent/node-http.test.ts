import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { agentContract } from './contract.ts';
import { createAgent, forNodeHttp } from './index.ts';

describe('node:http', () => {
  agentContract({ test, expect }, async (agent) => {
    const server = createServer(
      forNodeHttp(agent, (request, response) => {
        response.statusCode = request.url === '/' ? 200 : 404;
        response.end('app');
      }),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return {
      url: `http://127.0.0.1:${port}`,
      close: () => new Promise((resolve) => server.close(resolve)),
    };
  });
});

test('an answer that comes after the app has answered is dropped', async () => {
  let release = (_value: number): void => undefined;
  const slow = new Promise<number>((resolve) => {
    release = resolve;
  });
  const agent = createAgent({ token: 't', env: {}, processTypes: { worker: () => slow } });
  const listener = forNodeHttp(agent, () => undefined);
  const served = new Promise<string>((resolve, reject) => {
    const server = createServer((request, response) => {
      const handled = Promise.resolve(listener(request, response));
      response.end('a time limit of the app');
      release(1);
      handled.catch(reject).finally(() => server.close());
    }).listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      fetch(`http://127.0.0.1:${port}/hirefire/t/info`).then((answer) => resolve(answer.text()), reject);
    });
  });
  expect(await served).toBe('a time limit of the app');
});
