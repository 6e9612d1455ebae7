/** Next.js is not installed here: its route handlers are functions from Request to Response, and a server gives them those. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { describe, expect, test } from 'vitest';
import { agentContract } from './contract.ts';
import { createAgent, forNext } from './index.ts';

describe('Next.js, route handlers', () => {
  agentContract({ test, expect }, async (agent) => {
    const GET = forNext(agent);
    const routes = async (request: Request): Promise<Response> => {
      const { pathname } = new URL(request.url);
      if (pathname === '/') return new Response('app');
      // Next answers HEAD with what GET answers, and knows the route by its folder only.
      const isRoute = pathname === '/hirefire' || pathname.startsWith('/hirefire/');
      const isMethod = request.method === 'GET' || request.method === 'HEAD';
      return isRoute && isMethod ? await GET(request) : new Response('', { status: 404 });
    };
    const server = createServer(getRequestListener(routes));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return {
      url: `http://127.0.0.1:${port}`,
      close: () => new Promise((resolve) => server.close(resolve)),
    };
  });

  test('what a base path adds to the address is not compared', async () => {
    const GET = forNext(createAgent({ token: 't', env: {}, processTypes: { worker: () => 5 } }));
    const request = new Request('http://a/shop/hirefire/t/info');
    expect((await GET(request)).status).toBe(404);
    const nextUrl = { pathname: '/hirefire/t/info', search: '' };
    expect(await (await GET(Object.assign(request, { nextUrl }))).text()).toBe(
      '[{"name":"worker","value":5}]',
    );
  });
});
