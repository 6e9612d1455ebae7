import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../checks/servers.ts';
import { createPoll } from './poll.ts';

const patience = AbortSignal.timeout(600_000);
const waiting: ServerResponse[] = [];
let asked = 0;
let url = '';
let cut = 0;
const server = createServer((_request, response) => {
  asked += 1;
  waiting.push(response);
  response.on('close', () => {
    if (!response.writableEnded) cut += 1;
  });
});
beforeEach(async () => {
  asked = 0;
  cut = 0;
  waiting.splice(0);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
});
const answer = async (): Promise<void> => {
  await until(() => waiting.length > 0, 'a question');
  waiting.shift()?.end('[{"name":"worker","value":5}]');
};

test('those who ask at once are answered at once, and the next one asks anew', async () => {
  const poll = createPoll();
  const three = [1, 2, 3].map(() => poll(url, 'secret', patience));
  await answer();
  const infos = await Promise.all(three);
  expect(asked).toBe(1);
  expect(infos.map(({ entries }) => entries)).toEqual(Array(3).fill([{ name: 'worker', value: 5 }]));
  const next = poll(url, 'secret', patience);
  await answer();
  expect((await next).ok).toBe(true);
  expect(asked).toBe(2);
});

test('another app, or another token, is another question', async () => {
  const poll = createPoll();
  const both = [poll(url, 'one', patience), poll(url, 'two', patience)];
  await answer();
  await answer();
  expect((await Promise.all(both)).every(({ ok }) => ok)).toBe(true);
  expect(asked).toBe(2);
});

test('each keeps his own time limit and his own signal; the question lives while one waits', async () => {
  const poll = createPoll();
  const abort = new AbortController();
  const left = poll(url, 'secret', abort.signal);
  const late = poll(url.replace('//', '//me:pass@'), 'secret', patience, { timeoutMs: 20 });
  const patient = poll(url, 'secret', patience);
  expect(await late).toMatchObject({
    ok: false,
    url: `${url}/hirefire/…/info`,
    problem: expect.stringContaining('0.02 s'),
  });
  abort.abort(new DOMException('enough', 'AbortError'));
  await expect(left).rejects.toBe(abort.signal.reason);
  await expect(poll(url, 'secret', abort.signal)).rejects.toBe(abort.signal.reason);
  await until(() => asked >= 1, 'the question');
  for (const response of waiting) response.end('[]');
  expect((await patient).ok).toBe(true);
});

test('when the last one has left the connection is cut', async () => {
  const poll = createPoll();
  const abort = new AbortController();
  const only = poll(url, 'secret', abort.signal);
  await until(() => asked === 1, 'the question');
  abort.abort();
  await expect(only).rejects.toBe(abort.signal.reason);
  await until(() => cut === 1, 'the end of the connection');
});
