import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { temporaryFolder } from '../checks/fixtures.ts';
import { fleetContract } from './contract.ts';
import { dryRun } from './dry-run.ts';
import type { Fleet } from './fleet.ts';

const folder = temporaryFolder('dry-run');
const lines: string[] = [];
const never = new AbortController().signal;

afterAll(() => folder.remove());

function open(options = {}, path = folder.path): Promise<Fleet> {
  const log = (name: string, line: string): void => void lines.push(`${name} | ${line}`);
  return dryRun.create(options, { appName: 'a', appToken: 't', folder: path, now: Date.now, log });
}

fleetContract(
  {
    kind: dryRun,
    options: { processTypes: 'web, worker' },
    types: ['worker', 'web'],
    open: async () => ({
      fleet: await open({ processTypes: 'web, worker' }),
      release: async () => rmSync(join(folder.path, 'dry-run.json'), { force: true }),
    }),
  },
  { test, expect },
);

test('says what it would have done, once, and remembers it over a restart', async () => {
  const path = join(folder.path, 'again');
  lines.length = 0;
  const fleet = await open({}, path);
  await fleet.scaleTo({ mailer: 2 }, never);
  await fleet.scaleTo({ mailer: 2 }, never);
  expect(lines).toEqual(['mailer | dry run: would scale from 0 to 2']);
  const again = await open({}, path);
  expect(await again.count(never)).toEqual(await fleet.count(never));
  expect((await again.count(never)).mailer).toHaveLength(2);
});

test('a broken memory is an empty one', async () => {
  const path = join(folder.path, 'broken');
  await open({}, path);
  for (const text of ['{', '[]', 'null', '{"worker":{"count":-1,"since":0},"web":3}']) {
    writeFileSync(join(path, 'dry-run.json'), text);
    expect(await (await open({}, path)).count(never)).toEqual({});
  }
});
