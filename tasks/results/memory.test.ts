import { expect, test } from 'vitest';
import { succeeded } from '../results.ts';
import { resultsContract } from './contract.ts';
import { openMemoryResults } from './memory.ts';

let places = 0;

resultsContract({ test, expect }, 'memory', async () => {
  const name = `contract-${++places}`;
  return {
    open: async (expiresSeconds = 60) => openMemoryResults(name, { expiresSeconds }),
    stop: async () => {},
  };
});

test('the last one who closes takes it along', async () => {
  const [one, two] = [
    openMemoryResults('gone', { expiresSeconds: 60 }),
    openMemoryResults('gone', { expiresSeconds: 60 }),
  ];
  await one.store(succeeded('id', 1, 0));
  await one.close();
  await one.close();
  expect(await two.get('id')).toMatchObject({ result: 1 });
  await two.close();
  const three = openMemoryResults('gone', { expiresSeconds: 60 });
  expect(await three.get('id')).toBeUndefined();
  await three.close();
});
