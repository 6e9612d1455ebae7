/**
 * The whole walk against a real controller and a real app: by flags, by a pipe, and by a person at a pseudo-terminal, with Ctrl-C.
 * Runs the built program.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { has, temporaryFolder } from '../checks/fixtures.ts';
import { freePort, until } from '../checks/servers.ts';
import type { App } from '../server/api.ts';
import { loadConfig } from '../server/config.ts';
import { type Controller, startController } from '../server/main.ts';
import { guideFor } from '../server/setup-guide.ts';
import { call, type Target } from './call.ts';
import { packageFolder } from './place.ts';
import { lookAround } from './setup/surroundings.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const folder = temporaryFolder('setup');
const data = join(folder.path, 'data');
const place = join(folder.path, 'My Shop');
let controller: Controller;
let target: Target;
const apps: Server[] = [];
const children: ChildProcess[] = [];

beforeAll(async () => {
  mkdirSync(place);
  writeFileSync(
    join(place, 'Procfile'),
    'web: node web.js\n# a comment\nmailer: node mail.js\nrelease: node migrate.js\n',
  );
  writeFileSync(join(place, 'package.json'), '{"dependencies":{"fastify":"5"}}');
  controller = await startController({
    config: await loadConfig(undefined, { cwd: folder.path, env: {}, port: 0, data }),
    log: 'silent',
  });
  target = JSON.parse(readFileSync(join(data, 'controller.json'), 'utf8'));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const server of apps.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
  for (const { name } of await listed()) await call(target, 'DELETE', `/api/apps/${name}`);
});
afterAll(async () => {
  await controller.close();
  folder.remove();
});

const listed = () => call<App[]>(target, 'GET', '/api/apps');

/** An app that answers to the token that the controller has for it, as one does that was deployed with it. */
async function app(port = 0, value: number | null = 7): Promise<string> {
  const server = createServer(async (request, response) => {
    const [first] = await listed();
    if (request.url !== `/hirefire/${first?.token}/info`) return response.writeHead(404).end();
    response.setHeader('content-type', 'application/json');
    return response.end(JSON.stringify([{ name: 'mailer', value }]));
  });
  apps.push(server);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Run {
  readonly child: ChildProcess;
  text(): string;
  readonly ended: Promise<number | null>;
}

function start(command: string, args: readonly string[]): Run {
  const env = {
    ...process.env,
    TMPDIR: folder.path,
    DATABASE_URL: '',
    HEADCOUNT_KEY: '',
    HEROKU_API_KEY: '',
  };
  const child = spawn(command, args, { cwd: place, env });
  children.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (part) => {
      text += String(part).replaceAll('\r\n', '\n');
    });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  return { child, text: () => text, ended };
}

const program = [join(packageFolder, 'dist', 'cli', 'main.js'), 'setup', '--data', data];

async function piped(input: string, ...args: string[]): Promise<{ code: number | null; text: string }> {
  const run = start(process.execPath, [...program, ...args]);
  run.child.stdin?.end(input);
  const code = await run.ended;
  return { code, text: run.text() };
}

describe('by flags', () => {
  test('--yes takes what the folder proposes, and shows all seven steps', async () => {
    const url = await app();
    const { code, text } = await piped('', '--yes', '--app-url', url, '--enable');
    expect(code).toBe(0);
    const [made] = await listed();
    expect(made).toMatchObject({
      name: 'my-shop',
      url,
      fleet: { use: 'dry-run' },
      managers: [
        {
          processType: 'mailer',
          minimum: 0,
          maximum: 10,
          paused: false,
          meters: [{ use: 'http-info' }],
          rules: [{ use: 'wait-goal', options: { goalSeconds: 30 } }],
        },
      ],
    });
    for (const step of [
      '1/7  App',
      '2/7  Manager',
      '3/7  Token',
      '4/7  Library',
      '5/7  Deploy',
      '6/7  Test',
      '7/7  Go',
    ])
      expect(text).toContain(step);
    expect(text).toContain('The Procfile has web, mailer, release.');
    expect(text).toContain(`\n  heroku config:set HIREFIRE_TOKEN=${made?.token}\n`);
    expect(text).toContain("import { createAgent, forFastify } from '@headcount/agent';");
    expect(text).toContain('createAgent({ processTypes: { mailer: () => queue.length } })');
    expect(text).toMatch(/Connected: http\S+ answers in \d+ ms: mailer 7\./);
    expect(text).toContain('The manager mailer decides from now on; its fleet is a dry run');
  });

  test('a second time takes up what is there, and enables what was only watched', async () => {
    const url = await app();
    const first = await piped('', '--yes', '--app-url', url);
    expect(first.text).toContain('watches and is paused');
    expect((await listed())[0]?.managers).toMatchObject([{ paused: true }]);
    const second = await piped('', '--yes', '--enable');
    expect(second.text).toContain('The app my-shop is there already.');
    expect(second.text).toContain('The manager mailer is there already');
    expect((await listed())[0]).toMatchObject({ url, managers: [{ paused: false }] });
  });

  test.each([
    ['requests', 'request-queue-time', 'queue-time', 'HIREFIRE_DISPATCH_URL=https://headcount.example.com'],
    ['latency', 'http-info', 'queue-latency', 'job_queue_latency("celery")'],
  ])('measures %s', async (measure, meter, rule, shown) => {
    const given = ['--type', 'web', '--measure', measure, '--language', 'python', '--framework', 'django'];
    const { code, text } = await piped(
      '',
      '--yes',
      ...given,
      '--public-url',
      'https://headcount.example.com',
    );
    expect(code).toBe(0);
    expect(text).toContain(shown);
    expect(text).toContain('hirefire_resource.middleware.wsgi.django.HireFireMiddleware');
    expect((await listed())[0]?.managers).toMatchObject([
      { meters: [{ use: meter }], rules: [{ use: rule }] },
    ]);
  });

  test('--wait waits for an app that is being deployed', async () => {
    const port = await freePort();
    const waiting = piped('', '--yes', '--app-url', `http://127.0.0.1:${port}`, '--wait', '60s');
    await until(async () => (await listed()).length > 0, 'the app to be made');
    await app(port);
    expect((await waiting).text).toContain('Connected:');
  });

  test('an app that is not there, or names something else, is told and ends nothing', async () => {
    const nowhere = await piped('', '--yes', '--app-url', `http://127.0.0.1:${await freePort()}`);
    expect(nowhere.code).toBe(0);
    expect(nowhere.text).toMatch(/Not yet: http\S+: .*refused/);
    const other = await piped('', '--yes', '--app-url', await app(), '--type', 'web', '--measure', 'jobs');
    expect(other.text).toContain('answers, but not for web: it names mailer');
  });
});

describe('a wrong answer', () => {
  test.each([
    [['--app', 'My Shop'], 'Take lower-case letters', 'Give --app NAME.'],
    [['--type', 'mialer'], 'did you mean "mailer"?', 'Give --type NAME.'],
    [['--measure', 'job'], 'did you mean "jobs"?', 'Give --measure NAME.'],
    [['--language', 'pythn'], 'did you mean "python"?', 'Give --language NAME.'],
    [['--framework', 'expres'], 'did you mean "express"?', 'Give --framework NAME.'],
    [['--procfile', 'nowhere'], 'there is no such file', 'Name another one with --procfile'],
    [['--maximum', '3', '--minimum', '5'], 'Give a whole number from 5', 'Give --maximum COUNT.'],
  ])('%j is one sentence with what to do', async (args, what, todo) => {
    const { code, text } = await piped('', '--yes', ...args);
    expect(text).toContain(what);
    expect(text).toContain(todo);
    expect(text).not.toContain('    at ');
    expect(code).toBe(2);
  });

  test('no answer and no --yes names the flag', async () => {
    const { code, text } = await piped('');
    expect(text).toContain('A question has no answer: the input ended. Give --app NAME.');
    expect(code).toBe(2);
    expect(await listed()).toEqual([]);
  });
});

test('answers may be piped in, one per line', async () => {
  const url = await app();
  const answers = ['shop', url, '', '', '20', '', '5', 'ruby', 'rails', '', ''];
  const { code, text } = await piped(`${answers.join('\n')}\n`);
  expect(text).toContain('HireFire::Macro::Sidekiq.job_queue_size(:default)');
  expect(code).toBe(0);
  expect(await listed()).toMatchObject([
    {
      name: 'shop',
      managers: [
        { processType: 'mailer', maximum: 5, paused: true, rules: [{ options: { goalSeconds: 20 } }] },
      ],
    },
  ]);
});

describe.skipIf(!has('python'))('at a terminal', () => {
  const terminal = (): Run =>
    start(inject('servers').python, [
      '-c',
      'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)',
      process.execPath,
      ...program,
    ]);

  async function reply(run: Run, question: string, answer: string): Promise<void> {
    const seen = run.text().length;
    await until(() => run.text().includes(question), `"${question}" in: ${run.text()}`, 60_000);
    run.child.stdin?.write(answer);
    await until(() => run.text().length > seen, 'an echo', 60_000);
  }

  test('a person answers, is corrected, and is asked whether to go', async () => {
    const url = await app();
    const run = terminal();
    await reply(run, 'Name of the app [my-shop]: ', 'Shop!\r');
    await reply(run, 'Take lower-case letters', 'shop\r');
    await reply(run, 'Address of the app', `${url}\r`);
    await reply(run, 'Process type to manage, as the Procfile names it [mailer]: ', '\r');
    await reply(run, 'What is measured: jobs, latency, requests [jobs]: ', '\r');
    await reply(run, 'Jobs start within so many seconds [30]: ', '\r');
    await reply(run, 'The fewest processes [0]: ', '\r');
    await reply(run, 'The most processes [10]: ', '\r');
    await reply(run, 'Language of the app: node, ruby, python, other [node]: ', '\r');
    await reply(run, 'Framework: express, fastify, koa, hono, next, nest, http [fastify]: ', '\r');
    await reply(run, 'then press Enter', '\r');
    await reply(run, 'App at Heroku to scale, empty for a dry run', '\r');
    await reply(run, 'Let it scale from now on [yes]: ', '\r');
    expect(await run.ended, run.text()).toBe(0);
    expect(await listed()).toMatchObject([{ name: 'shop', managers: [{ paused: false }] }]);
  });

  test('Ctrl-C at the first step changes nothing', async () => {
    const run = terminal();
    await reply(run, 'Name of the app', '\x03');
    expect(await run.ended).toBe(130);
    expect(run.text()).toContain('Stopped. Nothing was changed.');
    expect(await listed()).toEqual([]);
  });

  test('Ctrl-C later says what stays, and the same command goes on from there', async () => {
    const run = terminal();
    await reply(run, 'Name of the app', '\r');
    await reply(run, 'Address of the app', '\r');
    await reply(run, 'Process type to manage', '\x03');
    expect(await run.ended).toBe(130);
    expect(run.text()).toContain(
      'Done so far and kept: the app my-shop. The same command goes on from there.',
    );
    expect((await piped('', '--yes')).text).toContain('The app my-shop is there already.');
  });
});

describe('what a folder tells', () => {
  const around = (name: string, files: Record<string, string>) => {
    const path = join(folder.path, name);
    mkdirSync(path);
    for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
    return lookAround(path);
  };
  test.each([
    ['rails', { Gemfile: "gem 'rails'" }, { language: 'ruby', framework: 'rails' }],
    ['sinatra', { Gemfile: "gem 'sinatra'", 'package.json': '{}' }, { language: 'ruby', framework: 'rack' }],
    ['django', { 'requirements.txt': 'Django==5.0\ncelery' }, { language: 'python', framework: 'django' }],
    [
      'starlette',
      { 'pyproject.toml': 'dependencies = ["starlette"]' },
      { language: 'python', framework: 'fastapi' },
    ],
    [
      'express',
      { 'package.json': '{"dependencies":{"express":"5"}}' },
      { language: 'node', framework: 'express' },
    ],
    ['nothing', {}, { processTypes: [] }],
  ])('%s', (name, files, expected) => {
    expect(around(name, files as Record<string, string>)).toMatchObject({ appName: name, ...expected });
  });
});

test('the guide warns where an address cannot work, and its lines name the process type', () => {
  const guide = (address: string) =>
    guideFor({ token: 't', address, processType: 'my-worker', measure: 'jobs' });
  expect(guide('http://127.0.0.1:4700').warning).toContain('set publicUrl');
  expect(guide('http://headcount.example.com').warning).toContain('port 443 only');
  expect(guide('https://headcount.example.com').warning).toBeUndefined();
  for (const { code } of guide('https://headcount.example.com').libraries)
    expect(code).toContain('my-worker');
  const [express] = guide('https://x.example').libraries;
  expect(express?.code).toContain("processTypes: { 'my-worker': () => queue.length }");
});

test('for requests every library is told where to push, our agent first, and ours counts no jobs', () => {
  const guide = guideFor({
    token: 't',
    address: 'https://x.example',
    processType: 'web',
    measure: 'requests',
  });
  expect(guide.commands[0]?.text).toBe(
    'heroku config:set HIREFIRE_TOKEN=t HEADCOUNT_URL=https://x.example HIREFIRE_DISPATCH_URL=https://x.example HIREFIRE_DATA_URL=https://x.example',
  );
  expect(guide.libraries[0]?.code).toContain('const agent = createAgent();');
});
