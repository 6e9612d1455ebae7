/** The command as a program of its own, against a real Redis: what it prints, and with which code it ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { has, type RedisServer, startRedis, temporaryFolder } from '../../checks/fixtures.ts';
import { until } from '../../checks/servers.ts';
import { line } from './events.ts';
import { short, span } from './print.ts';
import { main } from './program.ts';

const root = join(import.meta.dirname, '..', '..');
const folder = temporaryFolder('cli');
const children: ChildProcess[] = [];

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  folder.remove();
});

interface Run {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
  readonly code: Promise<number | null>;
}

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Run {
  const main = join(root, 'tasks', 'cli', 'main.ts');
  const { BROKER_URL: _broker, HEADCOUNT_TASKS_APP: _app, RESULTS_URL: _results, ...clean } = process.env;
  const child = spawn(
    process.execPath,
    ['--import', join(root, 'node_modules/tsx/dist/esm/index.mjs'), main, ...args],
    {
      cwd: folder.path,
      env: { ...clean, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  children.push(child);
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const code = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, out: () => out, err: () => err, code };
}

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** In a process of its own, as people run it. */
async function run(...args: string[]): Promise<Ended> {
  const started = start(args);
  const code = await started.code;
  return { code, out: started.out(), err: started.err() };
}

/** The same program without the second that a process takes to start. */
async function ask(...args: string[]): Promise<Ended> {
  const texts = { out: '', err: '' };
  const catching = (name: 'out' | 'err') => (text: unknown) => {
    texts[name] += String(text);
    return true;
  };
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(catching('out')),
    vi.spyOn(process.stderr, 'write').mockImplementation(catching('err')),
  ];
  try {
    return { code: await main(['node', 'headcount-tasks', ...args]), ...texts };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

describe('before any server', () => {
  test('help names the commands, examples and exit codes', async () => {
    const { code, out } = await run('--help');
    expect(code).toBe(0);
    for (const name of ['worker', 'beat', 'inspect', 'control', 'purge', 'events', 'call'])
      expect(out).toMatch(new RegExp(`^ {2}${name} `, 'm'));
    expect(out).toContain('Examples:');
    expect(out).toContain('69 no server or nobody answered');
    expect((await ask('control', '--help')).out).toContain('control rate_limit mail.send 10/s');
  });

  test.each([
    [['inspct', 'ping'], 'Did you mean inspect?'],
    [['inspect', 'actve'], 'Did you mean active?'],
    [['worker', '--concurency', '3'], 'Did you mean --concurrency?'],
    [['worker', '--concurrency', 'many'], 'Give a whole number from 1.'],
    [['worker', '--pool', 'prefork'], 'Give one of async, slots, threads.'],
    [['call', 'add', '--args', '2, 3'], 'Give a JSON list'],
    [['call', 'add'], 'No broker is named. Give --app ./tasks.js or --broker'],
    [['call', 'add', '--broker', 'foo:bar'], '"foo:bar" is no address of a broker'],
    [['worker'], 'No module is named. Give --app ./tasks.js'],
    [['worker', '--app', './nope.js'], 'There is no module'],
    [['worker', '--app', './'], 'is a folder. Give a file, such as ./tasks.js'],
    [['worker', '--app', './empty.mjs'], 'empty.mjs exports no app'],
    [['purge', '--app', './empty.mjs', '--broker', 'redis://h'], 'Give --app or --broker, not both'],
    [['beat', 'add', 'x', '--broker', 'memory:'], 'Give --task, and one of --cron, --every or --solar'],
    [['beat', 'add', 'x', '--task', 't', '--cron', '* *', '--broker', 'memory:'], 'five fields'],
  ])('%j is one clear line, and 2', async (args, message) => {
    writeFileSync(join(folder.path, 'empty.mjs'), 'export const nothing = 1;');
    const { code, out, err } = await ask(...args.map((arg) => arg.replace(/^\.\//, `${folder.path}/`)));
    expect(err).toContain(message);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).not.toMatch(/^ +at /m);
  });

  test.each([['redis://127.0.0.1:1'], ['amqp://127.0.0.1:1']])(
    'nobody at %s is one line, and 69',
    async (broker) => {
      const { code, err } = await run('inspect', 'ping', '--broker', broker);
      expect(err).toMatch(/^headcount-tasks: .*127\.0\.0\.1:1 did not do it.*ECONNREFUSED.*\n$/);
      expect(code).toBe(69);
    },
  );

  test('a misspelt command, as people run it', async () => {
    const { code, err } = await run('inspct', 'ping');
    expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining('Did you mean inspect?') });
  });

  test('a server that never answers is given up within --timeout', async () => {
    const { createServer } = await import('node:net');
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const address = silent.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const { code, err } = await run(
      'purge',
      '--yes',
      '--broker',
      `redis://127.0.0.1:${port}`,
      '--timeout',
      '0.5',
    );
    expect(err).toContain('no answer within 0.5 s; --timeout allows more');
    expect(code).toBe(75);
    silent.close();
  });

  test('the installed command says how to build what was never built', async () => {
    const copy = join(folder.path, 'checkout');
    mkdirSync(join(copy, 'cli'), { recursive: true });
    cpSync(join(root, 'tasks', 'cli', 'headcount-tasks.mjs'), join(copy, 'cli', 'headcount-tasks.mjs'));
    const child = spawn(process.execPath, [join(copy, 'cli', 'headcount-tasks.mjs')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString();
    });
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(1);
    expect(err).toContain('npm run build');
    const { bin } = JSON.parse(readFileSync(join(root, 'tasks', 'package.json'), 'utf8')) as { bin: object };
    expect(bin).toEqual({ 'headcount-tasks': 'cli/headcount-tasks.mjs' });
  });
});

const tasksModule = `
import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import { createApp, crontab } from '${join(root, 'tasks/index.ts')}';
export const app = createApp({ broker: process.env.BROKER });
export const add = app.task('add', async (context, a, b) => a + b + (context.kwargs.more ?? 0));
app.task('where', () => (isMainThread ? 'in the main thread' : 'in a thread of its own'));
app.task('boom', async () => { throw new TypeError('went wrong'); });
app.task('hold', async () => { while (!existsSync(process.env.GO)) await pause(5); });
export const beat = app.beat({ schedule: {
  often: { task: add, schedule: 0.5, args: [1, 2], options: { queue: 'beaten' } },
  nightly: { task: 'hold', schedule: crontab({ minute: 0, hour: 3 }) },
} });
`;

describe.skipIf(!has('redisServer'))('on Redis', () => {
  let server: RedisServer;
  let redis: Redis;
  let worker: Run;
  let env: Record<string, string>;
  const go = join(folder.path, 'go');

  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
    writeFileSync(join(folder.path, 'tasks.mjs'), tasksModule);
    env = { BROKER: server.url, BROKER_URL: server.url, GO: go };
    process.env.BROKER_URL = server.url;
    worker = start(['worker', '--app', './tasks.mjs', '--name', 'w1', '--concurrency', '3'], env);
    await until(async () => (await ask('inspect', 'ping')).code === 0, 'the worker', 90_000);
  });

  afterAll(async () => {
    delete process.env.BROKER_URL;
    redis.disconnect();
    await server.stop();
  });

  test('call prints an id, or waits for the result', async () => {
    const sent = await ask('call', 'add', '--args', '[2, 3]', '--json');
    expect(JSON.parse(sent.out)).toEqual({ id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    const wait = ['--wait', '--timeout', '60'];
    const waited = await ask('call', 'add', '--args', '[2, 3]', '--kwargs', '{"more": 4}', ...wait);
    expect(waited).toMatchObject({ code: 0, out: '9\n' });
    const failed = await ask('call', 'boom', ...wait);
    expect(failed).toMatchObject({ code: 1, out: '' });
    expect(failed.err).toContain('TypeError: went wrong');
    expect(failed.err).toMatch(/^ +at .*tasks\.mjs/m);
    expect(failed.err).not.toContain('The cause of this error');
    const late = await ask(
      'call',
      'add',
      '--args',
      '[1, 1]',
      '--queue',
      'nobody',
      '--wait',
      '--timeout',
      '0.3',
    );
    expect(late.code).toBe(75);
    expect(late.err).toMatch(/within (300 ms|0\.3 s)/);
  });

  test('a database that the server has not is said, and nothing goes to another one', async () => {
    const wrong = ['call', 'add', '--queue', 'astray', '--broker', `${server.url}/99`];
    const { code, out, err } = await ask(...wrong);
    expect({ code, out }).toEqual({ code: 69, out: '' });
    expect(err).toContain('DB index is out of range. Check that it runs, and the password and number of the');
    expect(await redis.exists('astray')).toBe(0);
  });

  test('Ctrl-C while waiting says that the task goes on, and ends with 130', async () => {
    const waiting = start(
      ['call', 'add', '--args', '[1, 1]', '--queue', 'nobody2', '--id', 'mine', '--wait', '--timeout', '100'],
      env,
    );
    await until(async () => (await redis.llen('nobody2')) === 1, 'the call');
    waiting.child.kill('SIGINT');
    expect(await waiting.code).toBe(130);
    expect(waiting.err()).toMatch(/^headcount-tasks: .* the task goes on: mine\n$/);
  });

  test('inspect and control speak with the worker', async () => {
    await ask('call', 'hold', '--id', 'held');
    await until(async () => (await ask('inspect', 'active')).out.includes('held'), 'the running job', 90_000);
    const active = await ask('inspect', 'active', '--json');
    expect(Object.values(JSON.parse(active.out))).toEqual([
      [expect.objectContaining({ id: 'held', name: 'hold' })],
    ]);
    expect((await ask('inspect', 'active_queues')).out).toMatch(/^WORKER +QUEUES\nw1@\S+ +celery\n$/);
    expect((await ask('inspect', 'active-queues')).code).toBe(0);
    expect((await ask('inspect', 'query-task', 'held', 'nobody')).out).toMatch(
      /^w1@\S+ +active +hold +held +\[\]$/m,
    );
    expect((await ask('inspect', 'query_task', 'nobody')).out).toBe('1 worker, none of them is held\n');
    expect((await ask('inspect', 'conf')).out).toMatch(/^WORKER +SETTING +VALUE\nw1@/);
    expect((await ask('inspect', 'report')).out).toMatch(/^WORKER +REPORT\nw1@/);
    expect((await ask('inspect', '--help')).out).not.toMatch(/pings|statss/);
    expect((await ask('inspect', 'registered')).out).toMatch(/add\n.*boom\n.*hold\n.*where\n$/);
    expect((await ask('inspect', 'reserved')).out).toBe('1 worker, nothing is reserved\n');
    expect((await ask('inspect', 'scheduled')).code).toBe(0);
    expect((await ask('control', 'pool_grow', '--count', '2')).code).toBe(0);
    expect((await ask('inspect', 'stats')).out).toMatch(/^w1@\S+ +5 +/m);
    expect(await ask('control', 'rate_limit', 'add', '1000/s')).toMatchObject({ code: 0 });
    const refused = await ask('control', 'rate_limit', 'nope', '10/s');
    expect(refused.code).toBe(1);
    expect(refused.out).toContain('error: unknown task');
    expect((await ask('control', 'time_limit', 'add', '--soft', '5')).out).toContain(
      'time limits set successfully',
    );
    await ask('control', 'revoke', 'one', 'two');
    expect((await ask('inspect', 'revoked')).out).toMatch(/one\n.*two\n$/);
    const nobody = await ask('inspect', 'ping', '--pattern', 'other*');
    expect(nobody).toMatchObject({ code: 69, out: '' });
    expect(nobody.err).toContain('no worker is there');
    const misnamed = await ask('inspect', 'ping', '--destination', 'w1@elsewhere');
    expect(misnamed).toMatchObject({ code: 69, out: '' });
    expect(misnamed.err).toContain('Perhaps none has that name: inspect ping tells the names');
    writeFileSync(go, '');
  });

  test('events are printed as they come, and Ctrl-C is the end of it', async () => {
    const listening = start(['events', '--enable', '--group', 'task'], env);
    await until(() => listening.err().includes('listening'), 'the listener', 90_000);
    await ask('call', 'add', '--args', '[20, 22]', '--id', 'seen');
    await until(() => listening.out().includes('task-succeeded'), 'the events', 90_000);
    listening.child.kill('SIGINT');
    expect(await listening.code).toBe(0);
    expect(listening.out()).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} {2}task-received +w1@\S+ +add\[seen\] \(20, 22\)$/m,
    );
    expect(listening.out()).toMatch(/task-succeeded +w1@\S+ +add\[seen\] in .* -> "?42"?$/m);
    const counted = await ask('events', '--json', '--count', '1', '--group', 'worker');
    expect(JSON.parse(counted.out)).toMatchObject({ type: 'worker-heartbeat' });
  });

  test('purge asks, and throws away what waits', async () => {
    for (let calls = 0; calls < 2; calls++)
      await ask('call', 'add', '--queue', 'litter', '--priority', String(calls * 9));
    const unasked = await ask('purge', 'litter');
    expect(unasked).toMatchObject({ code: 2, out: '' });
    expect(unasked.err).toContain('nothing was thrown away. Give --yes.');
    expect((await ask('purge', 'litter', 'empty', '--yes')).out).toBe(
      'queue litter: 2 messages thrown away\nqueue empty: 0 messages thrown away\n',
    );
    expect(await redis.keys('litter*')).toEqual([]);
    await ask('call', 'add', '--queue', 'litter');
    expect((await ask('purge', 'litter', '--force')).out).toBe('queue litter: 1 message thrown away\n');
  });

  test('a beat sends, and its entries are seen and changed from outside', async () => {
    const beat = start(['beat', '--app', './tasks.mjs'], env);
    await until(async () => (await redis.llen('beaten')) >= 2, 'two runs', 90_000);
    expect((await ask('beat', 'list')).out).toMatch(/^often +add +\S+ \S+ +\S+ \S+ +\d+ +every 0.5 s$/m);
    expect((await ask('beat', 'pause', 'often')).out).toBe('often: paused\n');
    const length = await redis.llen('beaten');
    const cron = ['--cron', '*/5 8-18 * * mon-fri', '--time-zone', 'Europe/Berlin'];
    expect((await ask('beat', 'add', 'more', '--task', 'add', ...cron)).out).toBe('more: added\n');
    await ask('beat', 'change', 'more', '--queue', 'later', '--missed', 'skip');
    expect((await ask('beat', 'list')).out).toContain('crontab */5 8-18 * * mon-fri Europe/Berlin');
    const [entry] = (JSON.parse((await ask('beat', 'list', '--json')).out) as { name: string }[]).filter(
      ({ name }) => name === 'more',
    );
    expect(entry).toMatchObject({ missed: 'skip', options: { queue: 'later' }, origin: 'added' });
    expect((await ask('beat', 'remove', 'more')).code).toBe(0);
    expect((await ask('beat', 'resume', 'nigthly')).err).toContain(
      'There is no entry "nigthly": it has nightly, often',
    );
    expect(await redis.llen('beaten')).toBe(length);
    beat.child.kill('SIGTERM');
    expect(await beat.code).toBe(0);
    expect(beat.err()).toContain('this beat leads');
  });

  test('worker --pool threads works in threads, and says so', async () => {
    const pool = ['--pool', 'threads', '--concurrency', '1', '--queues', 'threaded', '--name', 'w2'];
    const limits = ['--max-tasks-per-thread', '100', '--max-thread-memory', '200'];
    const threaded = start(['worker', '--app', './tasks.mjs', ...pool, ...limits], env);
    const place = ['--queue', 'threaded', '--wait', '--timeout', '90'];
    expect(await ask('call', 'where', ...place)).toMatchObject({
      code: 0,
      out: '"in a thread of its own"\n',
    });
    expect((await ask('inspect', 'stats', '--json')).out).toContain('headcount-tasks:threads');
    threaded.child.kill('SIGTERM');
    expect(await threaded.code).toBe(0);
  });

  test('a worker that is told to stop ends with 0', async () => {
    expect((await ask('control', 'shutdown', '--pattern', 'w1@*')).out).toContain('stopping');
    expect(await worker.code).toBe(0);
    expect(worker.out()).toMatch(
      /^headcount-tasks worker \d+: \.\/tasks\.mjs, the app's queue; Ctrl-C stops it\nstopped\n$/,
    );
  });
});

test('lines for people are short and move no cursor', () => {
  expect(short('a\u001b[2Jb\nc')).toBe('a [2Jb c');
  expect(short({ a: 1 })).toBe('{"a":1}');
  expect(short('x'.repeat(100), 10)).toBe(`${'x'.repeat(9)}…`);
  expect([0.04, 12.3, 300, 9_000, 400_000].map(span)).toEqual(['0 s', '12 s', '5 min', '2.5 h', '5 days']);
  const event = {
    type: 'task-failed',
    hostname: 'w@h',
    timestamp: Number.NaN,
    uuid: 'id',
    exception: 'E(1)',
  };
  expect(line(event, new Map([['id', 'add']]))).toBe('??:??:??.000  task-failed       w@h  add[id] E(1)');
});
