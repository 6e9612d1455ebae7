/** The local fleet with real processes. What happens when a controller or a keeper dies stands in local/orphans.test.ts. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { lives, looks, setStage } from '../checks/programs.ts';
import { freePort, until } from '../checks/servers.ts';
import type { Formation } from '../decide/words.ts';
import { fleetContract } from './contract.ts';
import { createLocal, local } from './local.ts';

const stage = setStage();
const never = new AbortController().signal;
const quick = { firstPauseMs: 20, longestPauseMs: 80 };

afterEach(() => stage.clear());
afterAll(() => stage.remove());

const logged = (line: string): Promise<void> => until(() => stage.lines.includes(line), `"${line}"`);

describe('contract', () => {
  fleetContract(
    {
      kind: local,
      options: { procfile: 'Procfile', graceSeconds: 5 },
      types: ['worker', 'mailer'],
      async open() {
        stage.procfile('worker: node actor.mjs\nmailer: node actor.mjs\n');
        return { fleet: await stage.open(), release: () => stage.clear() };
      },
    },
    { test, expect },
  );
});

describe('what a process gets', () => {
  test('its name, the token, a port of its own, the folder; what it prints is logged and kept', async () => {
    const given = (name: string): Record<string, string> => {
      const line = stage.lines.find((entry) => entry.startsWith(`${name} | given`)) ?? '{}';
      return JSON.parse(line.slice(line.indexOf('{')));
    };
    stage.procfile(
      'worker: node actor.mjs --environment\nweb: node actor.mjs --environment\nclock: node actor.mjs --environment\n',
    );
    const fleet = await stage.open({ port: 41_000 });
    await fleet.scaleTo({ web: 2, worker: 2, clock: 1 }, never);
    await until(() => stage.lines.filter((line) => line.includes('| given')).length === 5, 'five processes');
    expect(given('worker.2')).toEqual({
      name: 'worker.2',
      HEADCOUNT_TOKEN: 'secret-token',
      HIREFIRE_TOKEN: 'secret-token',
      PORT: '41101',
      cwd: stage.path,
    });
    expect([given('web.1').PORT, given('web.2').PORT, given('clock.1').PORT]).toEqual([
      '41000',
      '41001',
      '41200',
    ]);
    const log = readFileSync(join(stage.folder, 'logs', 'worker.2.log'), 'utf8');
    expect(log).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z given \{"name":"worker\.2"/m);
    expect(
      stage
        .records()
        .map((record) => record.name)
        .toSorted(),
    ).toEqual(['clock.1', 'web.1', 'web.2', 'worker.1', 'worker.2']);
  });

  test('a program that is not Node gets no channel, which would stop the Node programs that it starts', async () => {
    stage.procfile('other: echo "channel [$NODE_CHANNEL_FD]"; sleep 60\n');
    const fleet = await stage.open();
    await fleet.scaleTo({ other: 1 }, never);
    await logged('other.1 | channel []');
  });

  test('one that prints without end fills neither the disk nor the channel, and its last words are kept', async () => {
    stage.procfile('noisy: yes "$HEADCOUNT_PROCESS says a lot" | head -n 100000; echo done; sleep 60\n');
    const fleet = await stage.open();
    await fleet.scaleTo({ noisy: 1 }, never);
    const path = join(stage.folder, 'logs', 'noisy.1.log');
    await until(() => existsSync(path) && readFileSync(path, 'utf8').endsWith(' done\n'), 'the last line');
    for (const file of [path, `${path}.1`]) expect(statSync(file).size).toBeLessThanOrEqual(1024 * 1024);
    await fleet.scaleTo({ noisy: 0 }, never);
    await looks(fleet, 'noisy', '');
    await until(() => {
      const shown = stage.lines.filter((line) => /^noisy\.1 \| (noisy\.1 says|done)/.test(line)).length;
      const counted = stage.lines.map((line) => Number(/\((\d+) lines not shown/.exec(line)?.[1] ?? 0));
      return shown + counted.reduce((sum, count) => sum + count, 0) === 100_001;
    }, 'each line, shown or counted');
  });

  test('a drain reaches the process that is named', async () => {
    stage.procfile('worker: node actor.mjs\n');
    const fleet = await stage.open();
    await fleet.scaleTo({ worker: 2 }, never);
    await looks(fleet, 'worker', 'worker.1 up, worker.2 up');
    await until(async () => (await fleet.count(never)).worker?.[1]?.busy === false, 'its first report');
    await fleet.drain?.({ worker: ['worker.2', 'worker.9'] }, never);
    await logged('worker.2 | told {"headcount":"drain"}');
    expect(stage.lines).not.toContain('worker.1 | told {"headcount":"drain"}');
    await until(async () => quietNames(await fleet.count(never)) === 'worker.2', 'its word that it is quiet');
    await fleet.drain?.({ worker: [] }, never);
    await logged('worker.2 | told {"headcount":"work"}');
    await until(async () => quietNames(await fleet.count(never)) === '', 'its word that it works again');
  });

  test('whoever is named goes, also when others are idle', async () => {
    stage.procfile('worker: node actor.mjs\n');
    const fleet = await stage.open();
    await fleet.scaleTo({ worker: 3 }, never);
    await looks(fleet, 'worker', 'worker.1 up, worker.2 up, worker.3 up');
    await fleet.scaleTo({ worker: 2 }, never, ['worker.1']);
    await looks(fleet, 'worker', 'worker.2 up, worker.3 up');
  });
});

describe('starting', () => {
  test('a worker is up with its first report; busy or idle is what it says', async () => {
    stage.procfile('worker: node actor.mjs --busy=2\nquiet: node actor.mjs --silent\n');
    const fleet = await stage.open({}, { assumedUpMs: 60_000 });
    await fleet.scaleTo({ worker: 2, quiet: 1 }, never);
    const workers = await looks(fleet, 'worker', 'worker.1 up, worker.2 up');
    expect(workers.map(({ busy }) => busy)).toEqual([false, true]);
    await logged('quiet.1 | ready');
    await looks(fleet, 'quiet', 'quiet.1 starting');
  });

  test('a process that never reports is taken as up after a while, and whether it is busy stays unknown', async () => {
    stage.procfile('worker: node actor.mjs --silent\n');
    const fleet = await stage.open({}, { assumedUpMs: 50 });
    await fleet.scaleTo({ worker: 1 }, never);
    const [worker] = await looks(fleet, 'worker', 'worker.1 up');
    expect(worker).not.toHaveProperty('busy');
  });

  test('a web process is up when its port is open', async () => {
    const gate = join(stage.path, 'gate');
    stage.procfile(`web: node actor.mjs --silent --listen=${gate}\n`);
    const fleet = await stage.open({ port: await freePort() });
    await fleet.scaleTo({ web: 1 }, never);
    await logged('web.1 | ready');
    await looks(fleet, 'web', 'web.1 starting');
    writeFileSync(gate, '');
    await looks(fleet, 'web', 'web.1 up');
  });

  test('a web process that opens no port is taken as up in the end, with a word about it', async () => {
    const port = await freePort();
    stage.procfile('web: node actor.mjs\n');
    const fleet = await stage.open({ port }, { assumedOpenMs: 200, pollMs: 10 });
    await fleet.scaleTo({ web: 1 }, never);
    await looks(fleet, 'web', 'web.1 up');
    expect(stage.lines).toContain(`web.1 | has not opened port ${port}: does it listen on $PORT?`);
  });

  test('a port in use is said, shows as crashed, and is tried again', async () => {
    const port = await freePort();
    const other = await listen(port);
    const gate = join(stage.path, 'open-gate');
    writeFileSync(gate, '');
    stage.procfile(`web: node actor.mjs --listen=${gate}\n`);
    const fleet = await stage.open({ port }, quick);
    await fleet.scaleTo({ web: 1 }, never);
    await until(
      () => stage.lines.some((line) => line.includes(`web.1 | port ${port} is in use`)),
      'the line',
    );
    await looks(fleet, 'web', 'web.1 crashed');
    expect(stage.lines).not.toContain('web.1 | ready');
    await new Promise((resolve) => other.close(resolve));
    await looks(fleet, 'web', 'web.1 up');
  });
});

describe('stopping', () => {
  test('idle ones go before busy ones, and among equals the highest index', async () => {
    stage.procfile('worker: node actor.mjs --busy=2,4\n');
    const fleet = await stage.open();
    await fleet.scaleTo({ worker: 4 }, never);
    await looks(fleet, 'worker', 'worker.1 up, worker.2 up, worker.3 up, worker.4 up');
    await fleet.scaleTo({ worker: 3 }, never);
    await looks(fleet, 'worker', 'worker.1 up, worker.2 up, worker.4 up');
    await fleet.scaleTo({ worker: 2 }, never);
    await looks(fleet, 'worker', 'worker.2 up, worker.4 up');
    await fleet.scaleTo({ worker: 1 }, never);
    await looks(fleet, 'worker', 'worker.2 up');
  });

  test('it may finish first; meanwhile it shows, and a new one gets another index', async () => {
    const finish = join(stage.path, 'finish');
    stage.procfile(`worker: node actor.mjs --finish=${finish}\n`);
    const fleet = await stage.open();
    await fleet.scaleTo({ worker: 2 }, never);
    await looks(fleet, 'worker', 'worker.1 up, worker.2 up');
    await fleet.scaleTo({ worker: 1 }, never);
    await looks(fleet, 'worker', 'worker.1 up, worker.2 stopping');
    await logged('worker.2 | got SIGTERM');
    await fleet.scaleTo({ worker: 2 }, never);
    await looks(fleet, 'worker', 'worker.1 up, worker.2 stopping, worker.3 up');
    writeFileSync(finish, '');
    await looks(fleet, 'worker', 'worker.1 up, worker.3 up');
    expect(stage.history()).toMatchObject([{ name: 'worker.2', code: 0, signal: null }]);
    await fleet.scaleTo({ worker: 3 }, never);
    await looks(fleet, 'worker', 'worker.1 up, worker.2 up, worker.3 up');
  });

  test('one that does not end is killed after the grace time, with all that it started', async () => {
    stage.procfile('worker: node actor.mjs --stubborn --child\n');
    const fleet = await stage.open({ graceSeconds: 1 });
    await fleet.scaleTo({ worker: 1 }, never);
    await looks(fleet, 'worker', 'worker.1 up');
    const child = await printedNumber('worker.1 | child ');
    const begun = Date.now();
    await fleet.scaleTo({ worker: 0 }, never);
    await looks(fleet, 'worker', '');
    expect(Date.now() - begun).toBeGreaterThanOrEqual(1_000);
    expect(lives(child)).toBe(false);
    expect(stage.lines).toContain('worker.1 | killed with SIGKILL');
    expect(stage.history()).toMatchObject([{ name: 'worker.1', code: null, signal: 'SIGKILL' }]);
  });

  test('what a process leaves behind ends with it', async () => {
    stage.procfile('worker: node actor.mjs --child\n');
    const fleet = await stage.open({ graceSeconds: 1 });
    await fleet.scaleTo({ worker: 1 }, never);
    await looks(fleet, 'worker', 'worker.1 up');
    const child = await printedNumber('worker.1 | child ');
    await fleet.scaleTo({ worker: 0 }, never);
    await looks(fleet, 'worker', '');
    expect(lives(child)).toBe(false);
    expect(stage.history()).toMatchObject([{ name: 'worker.1', code: 0 }]);
  });

  test('a command behind a shell drains as well', async () => {
    const finish = join(stage.path, 'finish-behind');
    stage.procfile(`worker: cd / && node ${stage.path}/actor.mjs --finish=${finish} && true\n`);
    const fleet = await stage.open();
    await fleet.scaleTo({ worker: 1 }, never);
    await looks(fleet, 'worker', 'worker.1 up');
    await fleet.scaleTo({ worker: 0 }, never);
    await logged('worker.1 | got SIGTERM');
    await looks(fleet, 'worker', 'worker.1 stopping');
    writeFileSync(finish, '');
    await looks(fleet, 'worker', '');
    expect(stage.lines).not.toContain('worker.1 | killed with SIGKILL');
  });

  test('close stops everything and ends the keeper; after it nothing can be scaled', async () => {
    stage.procfile('worker: node actor.mjs\n');
    const fleet = await stage.open();
    await fleet.scaleTo({ worker: 2 }, never);
    await looks(fleet, 'worker', 'worker.1 up, worker.2 up');
    const pids = [...stage.records().map((record) => record.pid), keeperPid()];
    await fleet.close?.();
    expect(pids.filter(lives)).toEqual([]);
    expect(await fleet.count(never)).toEqual({ worker: [] });
    await expect(fleet.scaleTo({ worker: 1 }, never)).rejects.toMatchObject({ code: 'FLEET_FAILED' });
  });
});

describe('crashing', () => {
  test('one that was killed comes back under its name', async () => {
    stage.procfile('worker: node actor.mjs\n');
    const fleet = await stage.open({}, quick);
    await fleet.scaleTo({ worker: 2 }, never);
    await looks(fleet, 'worker', 'worker.1 up, worker.2 up');
    const before = pidOf('worker.1');
    process.kill(before, 'SIGKILL');
    await logged('worker.1 | ended by SIGKILL; starting again in 0.02 s');
    await looks(fleet, 'worker', 'worker.1 up, worker.2 up');
    expect(pidOf('worker.1')).not.toBe(before);
    expect(stage.history()).toMatchObject([{ name: 'worker.1', pid: before, signal: 'SIGKILL' }]);
  });

  test('one that crashes on its start is tried again with growing pauses, and shows as crashed', async () => {
    stage.procfile('worker: node actor.mjs --crash\n');
    const fleet = await stage.open({}, { firstPauseMs: 20, longestPauseMs: 60 });
    await fleet.scaleTo({ worker: 1 }, never);
    const pauses = (): string[] =>
      stage.lines.flatMap(
        (line) => /^worker\.1 \| ended with code 3; starting again in (\S+) s$/.exec(line)?.[1] ?? [],
      );
    await until(() => pauses().length >= 4, 'four crashes');
    expect(pauses().slice(0, 4)).toEqual(['0.02', '0.04', '0.06', '0.06']);
    expect(stage.lines).toContain('worker.1 | out of luck');
    await looks(fleet, 'worker', 'worker.1 crashed');
    await fleet.scaleTo({ worker: 0 }, never);
    await looks(fleet, 'worker', '');
  });

  test('a command that does not exist says so', async () => {
    stage.procfile('worker: no-such-program --fast\n');
    const fleet = await stage.open({}, quick);
    await fleet.scaleTo({ worker: 1 }, never);
    await until(
      () => stage.lines.some((line) => /^worker\.1 \| ended with code 127;/.test(line)),
      'code 127',
    );
    expect(stage.lines.some((line) => /^worker\.1 \| .*no-such-program.*not found/.test(line))).toBe(true);
  });

  test('a folder that went away says so', async () => {
    stage.procfile('worker: true\n');
    const app = join(stage.path, 'app');
    mkdirSync(app);
    const fleet = await stage.open({ folder: app }, quick);
    rmdirSync(app);
    await fleet.scaleTo({ worker: 1 }, never);
    await logged(`worker.1 | could not be started: the folder ${app} is gone; starting again in 0.02 s`);
  });
});

describe('bad input', () => {
  const open = (options: Record<string, string | number>): Promise<unknown> =>
    createLocal(
      { procfile: join(stage.path, 'Procfile'), port: 5000, graceSeconds: 5, ...options },
      stage.surroundings(),
    );

  test('a Procfile that is not there', async () => {
    await expect(open({ procfile: join(stage.path, 'Profile') })).rejects.toMatchObject({
      code: 'PROCFILE_UNREADABLE',
      message: expect.stringContaining('there is no such file'),
    });
  });

  test('a folder that is not there', async () => {
    stage.procfile('worker: true\n');
    await expect(open({ folder: '/no/such/folder' })).rejects.toMatchObject({ code: 'OPTION_INVALID' });
  });

  test('a folder of its own that cannot be made', async () => {
    stage.procfile('worker: true\n');
    writeFileSync(stage.folder, 'a file');
    await expect(open({})).rejects.toMatchObject({ code: 'FLEET_FAILED' });
  });

  test('a folder that a living controller uses', async () => {
    stage.procfile('worker: true\n');
    await stage.open();
    await expect(open({})).rejects.toThrow(`process ${process.pid} runs them`);
  });
});

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy()).once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

function quietNames(formation: Formation): string {
  const quiet = (formation.worker ?? []).filter(({ quietSince }) => quietSince !== undefined);
  return quiet.map(({ name }) => name).join();
}

function pidOf(name: string): number {
  return stage.records().find((record) => record.name === name)?.pid ?? 0;
}

function keeperPid(): number {
  return JSON.parse(readFileSync(join(stage.folder, 'keeper.json'), 'utf8')).pid;
}

async function printedNumber(start: string): Promise<number> {
  await until(() => stage.lines.some((line) => line.startsWith(start)), start);
  return Number(stage.lines.find((line) => line.startsWith(start))?.slice(start.length));
}
