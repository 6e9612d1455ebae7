/** Nothing outlives the controller: real controllers and keepers are killed, and their processes looked for. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, expect, test } from 'vitest';
import { lives, looks, setStage } from '../../checks/programs.ts';
import { until } from '../../checks/servers.ts';

const stage = setStage();
const never = new AbortController().signal;
const root = join(import.meta.dirname, '..', '..');
const started: ChildProcess[] = [];

afterEach(async () => {
  for (const { pid } of started.splice(0)) if (pid !== undefined && lives(pid)) process.kill(pid, 'SIGKILL');
  await stage.clear();
});
afterAll(() => stage.remove());

test('kill -9 of the controller: what drains, ends; what hangs and what it started is killed; the keeper leaves', async () => {
  stage.procfile('worker: node actor.mjs\nhanging: node actor.mjs --stubborn --child\n');
  const controller = await startController({ worker: 2, hanging: 1 }, 1);
  const child = await printed('hanging.1', /child (\d+)/);
  const pids = [...stage.records().map((record) => record.pid), Number(child[1]), keeperPid()];
  expect(pids.filter(lives)).toHaveLength(5);
  controller.kill('SIGKILL');
  await until(() => !pids.some(lives), 'the end of all');
  expect(stage.records()).toEqual([]);
  const ends = stage.history().map(({ name, code, signal }) => [name, code ?? signal]);
  expect(Object.fromEntries(ends)).toEqual({ 'worker.1': 0, 'worker.2': 0, 'hanging.1': 'SIGKILL' });
});

test('the next controller waits for what still drains, and then gives its name again', async () => {
  const finish = join(stage.path, 'finish');
  stage.procfile(
    `web: node actor.mjs --finish=${finish} --listen=${stage.path}\nworker: node actor.mjs --finish=${finish}\n`,
  );
  const controller = await startController({ web: 1, worker: 1 }, 20);
  await printed('web.1', /ready/);
  const before = stage.records().map((record) => record.pid);
  controller.kill('SIGKILL');
  await printed('web.1', /got SIGTERM/);
  const fleet = await stage.open({ graceSeconds: 20, port: 41_300 });
  expect(await fleet.count(never)).toMatchObject({ web: [{ name: 'web.1', state: 'stopping' }] });
  await fleet.scaleTo({ web: 1, worker: 2 }, never);
  expect(await fleet.count(never)).toMatchObject({
    web: [{ name: 'web.1', state: 'starting' }],
    worker: [{ name: 'worker.1' }, { name: 'worker.2' }],
  });
  expect(before.filter(lives)).toHaveLength(2);
  writeFileSync(finish, '');
  await looks(fleet, 'web', 'web.1 up');
  await looks(fleet, 'worker', 'worker.1 up, worker.2 up');
  expect(before.filter(lives)).toEqual([]);
});

test('kill -9 of the keeper: its processes are ended, and come back under their names with a new one', async () => {
  stage.procfile('worker: node actor.mjs\nhanging: node actor.mjs --stubborn --child\n');
  const fleet = await stage.open({ graceSeconds: 1 });
  await fleet.scaleTo({ worker: 2, hanging: 1 }, never);
  await looks(fleet, 'worker', 'worker.1 up, worker.2 up');
  const child = await printed('hanging.1', /child (\d+)/);
  const old = [...stage.records().map((record) => record.pid), Number(child[1]), keeperPid()];
  process.kill(keeperPid(), 'SIGKILL');
  await looks(fleet, 'worker', 'worker.1 crashed, worker.2 crashed');
  await looks(fleet, 'worker', 'worker.1 up, worker.2 up');
  await looks(fleet, 'hanging', 'hanging.1 up');
  expect(old.filter(lives)).toEqual([]);
  expect(stage.records()).toHaveLength(3);
});

test('a keeper that dies while its fleet shrinks does not bring back who had to go', async () => {
  stage.procfile('worker: node actor.mjs --stubborn\n');
  const fleet = await stage.open({ graceSeconds: 2 });
  await fleet.scaleTo({ worker: 2 }, never);
  await looks(fleet, 'worker', 'worker.1 up, worker.2 up');
  await fleet.scaleTo({ worker: 1 }, never);
  process.kill(keeperPid(), 'SIGKILL');
  await looks(fleet, 'worker', 'worker.1 up');
});

test('both killed at once: the next controller ends the processes before it starts its own', async () => {
  stage.procfile('worker: node actor.mjs\nhanging: node actor.mjs --stubborn --child\n');
  const controller = await startController({ worker: 1, hanging: 1 }, 1);
  const child = await printed('hanging.1', /child (\d+)/);
  const old = [...stage.records().map((record) => record.pid), Number(child[1])];
  const keeper = keeperPid();
  process.kill(keeper, 'SIGSTOP');
  controller.kill('SIGKILL');
  process.kill(keeper, 'SIGKILL');
  await until(() => !lives(keeper), 'the end of the keeper');
  expect(old.filter(lives).length).toBeGreaterThan(0);
  const fleet = await stage.open({ graceSeconds: 1 });
  await fleet.scaleTo({ worker: 1 }, never);
  await looks(fleet, 'worker', 'worker.1 up');
  expect(old.filter(lives)).toEqual([]);
  await looks(fleet, 'hanging', '');
});

test('a pid that was given to another program since is left alone', async () => {
  stage.procfile('worker: node actor.mjs\n');
  const other = spawn('sleep', ['300'], { detached: true, stdio: 'ignore' });
  started.push(other);
  mkdirSync(stage.folder, { recursive: true });
  const stale = { name: 'worker.1', pid: other.pid, startedAt: 1, identity: 'an-older-boot/12345' };
  writeFileSync(join(stage.folder, 'processes.json'), JSON.stringify([stale]));
  const keeper = { pid: other.pid, identity: 'x', controllerPid: process.pid, controllerIdentity: 'x' };
  writeFileSync(join(stage.folder, 'keeper.json'), JSON.stringify(keeper));
  const fleet = await stage.open();
  await fleet.scaleTo({ worker: 1 }, never);
  await looks(fleet, 'worker', 'worker.1 up');
  expect(lives(other.pid ?? 0)).toBe(true);
});

test.each(['', '{', '[1, null, {"name":"worker.1","pid":-1,"startedAt":1,"identity":"x"}]', '{"pid":0}'])(
  'records that say nothing do no harm: %s',
  async (text) => {
    stage.procfile('worker: node actor.mjs\n');
    mkdirSync(stage.folder, { recursive: true });
    for (const file of ['processes.json', 'keeper.json']) writeFileSync(join(stage.folder, file), text);
    const fleet = await stage.open();
    expect(await fleet.count(never)).toEqual({ worker: [] });
  },
);

test('Ctrl-C reaches the controller alone, which lets its processes finish', async () => {
  const finish = join(stage.path, 'finish-after-break');
  stage.procfile(`worker: node actor.mjs --finish=${finish}\n`);
  const controller = await startController({ worker: 1 }, 20);
  await printed('worker.1', /ready/);
  process.kill(-(controller.pid ?? 0), 'SIGINT');
  await printed('worker.1', /got SIGTERM/);
  writeFileSync(finish, '');
  await until(() => controller.exitCode === 0, 'the end of the controller');
  expect(log('worker.1')).not.toMatch(/SIGINT|SIGHUP|SIGKILL/);
  expect(stage.history()).toMatchObject([{ name: 'worker.1', code: 0 }]);
});

/** A controller in a process of its own, in its own process group as a terminal gives it one. */
async function startController(desired: Record<string, number>, graceSeconds: number): Promise<ChildProcess> {
  const source = pathToFileURL(join(root, 'scale', 'local.ts')).href;
  const given = { procfile: join(stage.path, 'Procfile'), folder: stage.path, port: 41_200, graceSeconds };
  const program = join(stage.path, 'controller.mjs');
  writeFileSync(
    program,
    `import { createLocal } from ${JSON.stringify(source)};
     const surroundings = { appName: 'shop', appToken: 't', folder: ${JSON.stringify(stage.folder)}, now: Date.now, log() {} };
     const fleet = await createLocal(${JSON.stringify(given)}, surroundings);
     process.on('SIGINT', () => fleet.close().then(() => process.exit(0)));
     await fleet.scaleTo(${JSON.stringify(desired)}, new AbortController().signal);`,
  );
  const controller = spawn(process.execPath, ['--import', 'tsx', program], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  started.push(controller);
  const wanted = Object.values(desired).reduce((sum, count) => sum + count, 0);
  await until(() => stage.records().length === wanted, 'the processes');
  for (const { name } of stage.records()) await printed(name, /ready/);
  return controller;
}

async function printed(name: string, pattern: RegExp): Promise<RegExpExecArray> {
  let found: RegExpExecArray | null = null;
  await until(() => {
    found = pattern.exec(log(name));
    return found !== null;
  }, `${pattern} of ${name}`);
  return found as unknown as RegExpExecArray;
}

function log(name: string): string {
  try {
    return readFileSync(join(stage.folder, 'logs', `${name}.log`), 'utf8');
  } catch {
    return '';
  }
}

function keeperPid(): number {
  return JSON.parse(readFileSync(join(stage.folder, 'keeper.json'), 'utf8')).pid;
}
