import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../checks/fixtures.ts';
import { loadConfig } from './config.ts';

const folders: { remove(): void }[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) folder.remove();
});

function folderWith(yaml?: string): string {
  const folder = temporaryFolder('config');
  folders.push(folder);
  if (yaml !== undefined) writeFileSync(join(folder.path, 'headcount.yaml'), yaml);
  return folder.path;
}

const catalogue = `
port: 4800
intervalSeconds: 5
apps:
  catalogue:
    url: http://127.0.0.1:5000/
    fleet: { use: local, procfile: examples/Procfile, port: 5000 }
    managers:
      web: { minimum: 1, maximum: 1 }
      worker:
        minimum: 0
        maximum: 8
        meters: [{ use: tasks-sqlite, file: broker.db, queue: catalogue }]
        rules: [{ use: wait-goal, goalSeconds: 30 }]
        limits: [{ use: cooldown, downSeconds: 10 }]
`;

describe('what is read', () => {
  test('without a file the defaults stand, in the working folder', async () => {
    const cwd = folderWith();
    expect(await loadConfig(undefined, { cwd, env: {} })).toEqual({
      port: 4700,
      host: '127.0.0.1',
      data: join(cwd, '.headcount'),
      intervalSeconds: 10,
      apps: [],
    });
  });

  test('an empty file is a file that says nothing', async () => {
    expect((await loadConfig(undefined, { cwd: folderWith('# nothing yet\n'), env: {} })).apps).toEqual([]);
  });

  test('a whole file, with relative paths from the folder of the file', async () => {
    const folder = folderWith(catalogue);
    const elsewhere = join(folder, 'elsewhere');
    mkdirSync(elsewhere);
    const config = await loadConfig('../headcount.yaml', { cwd: elsewhere, env: {} });
    expect(config).toMatchObject({ port: 4800, intervalSeconds: 5, data: join(folder, '.headcount') });
    const [app] = config.apps;
    expect(app).toMatchObject({
      name: 'catalogue',
      url: 'http://127.0.0.1:5000',
      fleet: { use: 'local', options: { procfile: join(folder, 'examples/Procfile'), port: 5000 } },
    });
    const [web, worker] = app!.managers;
    expect(web).toMatchObject({
      processType: 'web',
      minimum: 1,
      maximum: 1,
      meters: [],
      rules: [],
      paused: false,
    });
    expect(worker).toMatchObject({
      meters: [{ use: 'tasks-sqlite', options: { file: join(folder, 'broker.db'), queue: 'catalogue' } }],
      rules: [{ use: 'wait-goal', options: { goalSeconds: 30 } }],
      limits: [{ use: 'cooldown', options: { downSeconds: 10 } }],
    });
  });

  test('a formula over the rules, and what is wrong with one', async () => {
    const yaml = (combine: string) =>
      catalogue.replace('        limits:', `        combine: ${combine}\n        limits:`);
    const load = (combine: string) => loadConfig(undefined, { cwd: folderWith(yaml(combine)), env: {} });
    expect((await load('wait-goal * 2')).apps[0]?.managers[1]?.combine).toBe('wait-goal * 2');
    await expect(load('wait-gaol * 2')).rejects.toThrow(
      'apps.catalogue.managers.worker: combine: unknown rule "wait-gaol", did you mean "wait-goal"? (character 1',
    );
  });

  test('a schedule that cannot be read is told with its place', async () => {
    const text = catalogue.replace(
      'use: cooldown, downSeconds: 10',
      'use: schedule, ranges: "mon 9-17 max 1"',
    );
    await expect(loadConfig(undefined, { cwd: folderWith(text), env: {} })).rejects.toThrow(
      '"9-17" is no time; write it as 09:00-17:30',
    );
  });

  test('the example of docs/configuration.md says what it means', async () => {
    const text = readFileSync(new URL('../docs/configuration.md', import.meta.url), 'utf8');
    const yaml = /```yaml\n([\s\S]*?)```/.exec(text)?.[1] ?? '';
    const config = await loadConfig(undefined, { cwd: folderWith(yaml), env: {} });
    expect(config).toMatchObject({ publicUrl: 'https://headcount.example.com', intervalSeconds: 10 });
    expect(config.apps[0]?.managers.map(({ processType }) => processType)).toEqual(['web', 'worker']);
  });

  test('flags and environment are stronger than the file', async () => {
    const cwd = folderWith(catalogue);
    const config = await loadConfig(undefined, {
      cwd,
      env: { DATABASE_URL: 'postgres://db/headcount' },
      port: 0,
      data: 'mine',
    });
    expect(config).toMatchObject({
      port: 0,
      data: join(cwd, 'mine'),
      databaseUrl: 'postgres://db/headcount',
    });
  });

  test('the hash of an entry changes with what it says, and not with the order or the notation', async () => {
    const hashes = async (yaml: string) => {
      const { apps } = await loadConfig(undefined, { cwd: folderWith(yaml), env: {} });
      return [apps[0]!.configHash, apps[0]!.managers[0]!.configHash];
    };
    const app = (manager: string) => `apps: { a: { url: 'http://x', managers: { worker: ${manager} } } }`;
    const before = await hashes(app('{ minimum: 0, maximum: 8 }'));
    expect(await hashes(app('{ "maximum": 8, minimum: 0 }'))).toEqual(before);
    const after = await hashes(app('{ minimum: 0, maximum: 9 }'));
    expect(after[0]).toBe(before[0]);
    expect(after[1]).not.toBe(before[1]);
  });
});

describe('what is wrong', () => {
  const problem = async (yaml: string | undefined, path?: string) =>
    await loadConfig(path, { cwd: folderWith(yaml), env: {} }).then(
      () => expect.unreachable('the file was taken'),
      (error: { code: string; message: string }) => error,
    );

  test('a named file that is not there', async () => {
    const error = await problem(undefined, 'other.yaml');
    expect(error).toMatchObject({ code: 'CONFIG_UNREADABLE' });
    expect(error.message).toContain('other.yaml cannot be read: there is no such file. Name another');
  });

  test('a half-written file names line and column', async () => {
    const error = await problem('port: 4700\napps:\n  catalogue: { fleet: { use: local\n');
    expect(error).toMatchObject({ code: 'CONFIG_UNREADABLE' });
    expect(error.message).toMatch(/headcount\.yaml cannot be read: line \d, column \d+: /);
  });

  test('the same key twice', async () => {
    expect(await problem('port: 1\nport: 2\n')).toMatchObject({ code: 'CONFIG_UNREADABLE' });
  });

  test.each([
    ['ports: 4700', 'line 1, column 1, ports: unknown key "ports", did you mean "port"?'],
    ['port: 4700\nport2: 1', 'line 2, column 1, port2: unknown key "port2"'],
    ['port: eighty', 'port: Invalid input: expected number'],
    ['port: 99999', 'line 1, column 1, port: Too big'],
    ['- a list', 'Invalid input'],
    ['just a word', 'Invalid input'],
    ['apps: { Music!: {} }', '"Music!" is no good name: lower-case letters'],
    ['apps: { music: { flet: {} } }', 'apps.music.flet: unknown key "flet", did you mean "fleet"?'],
    ['apps: { music: { url: not-an-address } }', 'apps.music.url: Invalid URL'],
    [
      'apps: { music: { fleet: { use: locl } } }',
      'apps.music.fleet: unknown fleet "locl", did you mean "local"?',
    ],
    ['apps: { music: { fleet: { procfile: x } } }', 'apps.music.fleet.use: it is missing; write a string'],
    [
      'apps:\n  music:\n    managers:\n      worker: { minimun: 1, maximum: 2 }',
      'line 4, column 17, apps.music.managers.worker.minimun: unknown key "minimun", did you mean "minimum"?',
    ],
    [
      'apps: { music: { managers: { worker: {} } } }',
      'apps.music.managers.worker.maximum: it is missing; write a number',
    ],
    [
      'apps: { music: { managers: { worker: { minimum: 3, maximum: 2 } } } }',
      'apps.music.managers.worker: the minimum (3) is above the maximum (2)',
    ],
    [
      'apps: { music: { managers: { worker: { maximum: 2, rules: [{ use: wait-goal, gaolSeconds: 3 }] } } } }',
      'apps.music.managers.worker.rules[0]: rule "wait-goal": unknown option "gaolSeconds", did you mean "goalSeconds"?',
    ],
    [
      'apps: { music: { managers: { worker: { maximum: 2, meters: [{ use: celery }] } } } }',
      'apps.music.managers.worker.meters[0]: unknown meter "celery"',
    ],
  ])('%s', async (yaml, words) => {
    const error = await problem(yaml);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(error.message).toContain(words);
  });

  test('a misspelt option is told at its own place', async () => {
    const text = catalogue.replace('goalSeconds: 30', 'gaolSeconds: 30');
    expect((await problem(text)).message).toContain(
      'line 14, column 35, apps.catalogue.managers.worker.rules[0]: rule "wait-goal": unknown option "gaolSeconds", did you mean "goalSeconds"?',
    );
  });

  test.each([
    [
      'channels: { ops: { notifier: { use: slck } } }',
      'channels.ops.notifier: unknown notifier "slck", did you mean "slack"?',
    ],
    [
      'channels: { ops: { notifer: {} } }',
      'column 20, channels.ops.notifer: unknown key "notifer", did you mean "notifier"?',
    ],
    [
      'channels: { ops: { notifier: { use: webhook, url: "https://x.example" }, tells: { opend: true } } }',
      'channels.ops.tells.opend: unknown key "opend", did you mean "opened"?',
    ],
    ['keda: { prot: 1 }', 'keda.prot: unknown key "prot", did you mean "port"?'],
  ])('%s', async (yaml, words) => {
    expect((await problem(yaml)).message).toContain(words);
  });

  test('all problems are told at once', async () => {
    const { message } = await problem('prot: 1\nhots: x');
    expect(message).toContain('did you mean "port"');
    expect(message).toContain('did you mean "host"');
  });
});

describe('values of the environment', () => {
  const yaml = `
channels:
  ops:
    notifier: { use: slack, url: "\${SLACK_URL}" }
apps:
  shop:
    url: https://\${SHOP_HOST}/
    fleet: { use: heroku, app: "$\${plain}", apiKey: "\${TOKEN}" }
`;
  const load = (env: Record<string, string>, keepSecrets = false) =>
    loadConfig(undefined, { cwd: folderWith(yaml), env, keepSecrets });
  const env = {
    SLACK_URL: 'https://hooks.slack.com/services/T/B/x',
    SHOP_HOST: 'shop.example',
    TOKEN: 'it: "is"',
  };

  test('stand where their names do', async () => {
    const { apps, channels } = await load(env);
    expect(apps[0]).toMatchObject({
      url: 'https://shop.example',
      fleet: { options: { app: '$' + '{plain}', apiKey: 'it: "is"' } },
    });
    expect(channels?.[0]).toMatchObject({
      name: 'ops',
      notifier: { use: 'slack', options: { url: env.SLACK_URL } },
      tells: { opened: true, leastSeverity: 'warning' },
    });
  });

  test('that nobody has set are told with their places', async () => {
    await expect(load({ SLACK_URL: env.SLACK_URL })).rejects.toThrow(
      /line 7, column 5, apps.shop.url: the environment variable SHOP_HOST is not set; line 8, column 45, apps.shop.fleet.apiKey: the environment variable TOKEN is not set/,
    );
  });

  test('may stay as they were where only the controller knows them, and nowhere else', async () => {
    const { apps, channels } = await load({ SHOP_HOST: 'shop.example' }, true);
    expect(apps[0]?.fleet.options.apiKey).toBe('••••••');
    expect(channels?.[0]?.notifier.options.url).toBe('••••••');
    await expect(load({}, true)).rejects.toThrow('SHOP_HOST is not set. Mend');
  });
});
