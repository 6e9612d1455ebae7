import { expect, test } from 'vitest';
import { until } from '../checks/servers.ts';
import { createLive } from './live.ts';

const limits = { heartbeatMs: 60_000, listenerCount: 3, behindCount: 5 };
const allowed = async (): Promise<boolean> => true;

test('every listener gets every event, written out as the page expects it', async () => {
  const live = createLive(limits);
  const [first, second] = [live.open(allowed), live.open(allowed)];
  live.send('checkup', { app: 'music' });
  live.close();
  const expected = 'retry: 2000\n\nevent: checkup\ndata: {"app":"music"}\n\n';
  expect(await first.text()).toBe(expected);
  expect(await second.text()).toBe(expected);
  expect(first.headers.get('content-type')).toContain('text/event-stream');
});

test('a listener that does not read is let go after a bounded number of messages; the others stay', async () => {
  const live = createLive(limits);
  live.open(allowed);
  const reader = live.open(allowed).body!.getReader();
  const heard: string[] = [];
  const reading = (async () => {
    for (let part = await reader.read(); !part.done; part = await reader.read())
      heard.push(new TextDecoder().decode(part.value));
  })();
  for (let round = 1; round <= 20; round++) {
    live.send('checkup', { round });
    await until(() => heard.length === round + 1, `message ${round}`);
  }
  expect(live.listenerCount()).toBe(1);
  live.close();
  await reading;
});

test('what comes together is one piece, and of it everybody hears what is theirs', async () => {
  const live = createLive(limits);
  live.send('checkup', { app: 'before anybody listens' });
  const all = live.open(allowed).body!.getReader();
  const some = live.open(allowed, (app) => app === 'b').body!.getReader();
  const none = live.open(allowed, () => false);
  for (const app of ['a', 'b', 'c']) live.send('checkup', { app });
  const piece = async (reader: typeof all): Promise<string> => {
    await reader.read();
    return new TextDecoder().decode((await reader.read()).value);
  };
  const event = (app: string): string => `event: checkup\ndata: {"app":"${app}"}\n\n`;
  expect(await piece(all)).toBe(['a', 'b', 'c'].map(event).join(''));
  expect(await piece(some)).toBe(event('b'));
  live.close();
  expect(await none.text()).toBe('retry: 2000\n\n');
});

test('the oldest listener makes room when there are too many', () => {
  const live = createLive(limits);
  for (let index = 0; index < 10; index++) live.open(allowed);
  expect(live.listenerCount()).toBe(3);
  live.close();
  expect(live.listenerCount()).toBe(0);
});

test('a listener that leaves is forgotten', async () => {
  const live = createLive(limits);
  const response = live.open(allowed);
  await response.body!.cancel();
  expect(live.listenerCount()).toBe(0);
  live.close();
});

test('a heartbeat comes by itself, and ends a listener whose session has ended', async () => {
  const live = createLive({ ...limits, heartbeatMs: 5 });
  let loggedIn = true;
  const reader = live.open(async () => loggedIn).body!.getReader();
  await reader.read();
  expect(new TextDecoder().decode((await reader.read()).value)).toBe(': still here\n\n');
  loggedIn = false;
  let part = await reader.read();
  while (!part.done) part = await reader.read();
  expect(live.listenerCount()).toBe(0);
  live.close();
});
