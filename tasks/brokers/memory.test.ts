import { expect, test } from 'vitest';
import { temporaryFolder } from '../../checks/fixtures.ts';
import { plainFormat } from '../format.ts';
import { createApp } from '../index.ts';
import { add, placeOf } from '../memory/place.ts';
import { brokerContract } from './contract.ts';
import { openMemoryBroker } from './memory.ts';

let places = 0;

brokerContract({ test, expect }, 'memory', async () => {
  const name = `contract-${++places}`;
  const folder = temporaryFolder('memory-broker');
  return {
    folder: folder.path,
    open: () => openMemoryBroker(name),
    pushRaw: async (queue, text) => add(placeOf(name), queue, text, plainFormat),
    aside: async () => placeOf(name).aside.map(({ error }) => error),
    stop: async () => folder.remove(),
  };
});

test('apps with one address share jobs, results and remote control; one with another has its own', async () => {
  const [one, two, other] = ['shop', 'shop', 'other'].map((name) =>
    createApp({ broker: `memory:${name}`, log: () => {} }),
  );
  if (!one || !two || !other) throw new Error('three apps');
  one.task('add', (_context, a: number, b: number) => a + b);
  const worker = one.worker({ name: 'w@here' });
  const ended = worker.run();
  expect(await (await two.send('add', [2, 3])).get()).toBe(5);
  await other.send('add', [2, 3]);
  expect(await other.depth()).toMatchObject({ waiting: 1 });
  expect([...(await two.control.ping()).keys()]).toEqual(['w@here']);
  expect(await other.control.ping()).toEqual(new Map());
  await worker.stop();
  await ended;
  for (const app of [one, two, other]) await app.close();
});

test('it is gone with the last who closes it', async () => {
  const app = createApp({ broker: 'memory:short', log: () => {} });
  await app.send('add');
  await app.close();
  const again = createApp({ broker: 'memory:short', log: () => {} });
  expect(await again.depth()).toMatchObject({ waiting: 0 });
  await again.close();
});
