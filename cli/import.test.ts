/**
 * Imports from services on real sockets that answer as HireFire's and Judoscale's API documents say, and refuse what does not follow
 * them. The samples are those documents'.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { temporaryFolder } from '../checks/fixtures.ts';
import type { App } from '../server/api.ts';
import { loadConfig } from '../server/config.ts';
import { startController } from '../server/main.ts';
import { call } from './call.ts';
import { fetchJson } from './import/fetch-json.ts';
import { readHirefire } from './import/hirefire.ts';
import { planOf, readJudoscale } from './import/judoscale.ts';
import { apply, yamlOf } from './import/plan.ts';
import { packageFolder } from './place.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const folder = temporaryFolder('import');
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});
afterAll(() => folder.remove());

async function serving(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const key = 'secret-api-key';
const common = { application_id: 'A1', enabled: true, minimum: 1, maximum: 10, notify: false };
const steps = {
  upscale_quantity: 5,
  downscale_quantity: 1,
  upscale_sensitivity: 1,
  downscale_sensitivity: 2,
};
const timeouts = { upscale_timeout: 1, downscale_timeout: 2, upscale_limit: 0, downscale_limit: 0 };

interface Account {
  readonly managers: Record<string, unknown>[];
  readonly ranges?: Record<string, Record<string, unknown>[]>;
  readonly application?: Record<string, unknown>;
  readonly timeZone?: string;
}

/** Version 1 of the API, read side: wrapped lists, a key in `Authorization: Token`, its own media type. */
function hirefireApi({
  managers,
  ranges,
  application = {},
  timeZone = 'Europe/Berlin',
}: Account): RequestListener {
  const lists: Record<string, unknown> = {
    '/organizations': { organizations: [{ id: 'O1', name: 'us', time_zone: timeZone }] },
    '/accounts': { accounts: [{ id: 'H1', organization_id: 'O1' }] },
    '/applications': {
      applications: [
        {
          id: 'A1',
          account_id: 'H1',
          name: 'shop',
          custom_domain: null,
          ssl: true,
          token: 't',
          ...application,
        },
      ],
    },
    '/applications/A1/managers': { managers },
    ...(ranges &&
      Object.fromEntries(
        managers.map(({ id }) => [`/managers/${id}/time_ranges`, { time_ranges: ranges[String(id)] ?? [] }]),
      )),
  };
  return (request, response) => {
    const say = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (request.headers.authorization !== `Token ${key}`)
      return say(401, { errors: { base: ['unauthorized'] } });
    if (request.headers.accept !== 'application/vnd.hirefire.v1+json') return say(406, {});
    if (request.method !== 'GET') return say(405, {});
    const found = lists[request.url ?? ''];
    return found ? say(200, found) : say(404, {});
  };
}

async function imported(account: Account) {
  const plan = await readHirefire({ api: await serving(hirefireApi(account)), key });
  const config = parse(yamlOf(plan, 'HireFire'));
  return { plan, managers: config.apps.shop.managers, app: config.apps.shop };
}

const manager = (type: string, fields: Record<string, unknown>) => ({
  id: 'M1',
  name: 'web',
  type: `Manager::${type}`,
  ...common,
  ...steps,
  ...timeouts,
  ...fields,
});
const carriedSteps = { upBy: 5, downBy: 1, upAfterSeconds: 0, downAfterSeconds: 60 };
const cooldown = { use: 'cooldown', upSeconds: 60, downSeconds: 120 };

describe("HireFire's manager types", () => {
  test.each<[string, Record<string, unknown>, unknown, unknown]>([
    [
      'Worker::HireFire::JobLatency',
      { minimum_latency: 100, maximum_latency: 150, upscale_on_initial_job: true },
      { use: 'http-info', means: 'seconds' },
      {
        use: 'queue-latency',
        minimumSeconds: 100,
        maximumSeconds: 150,
        startOnFirstJob: true,
        ...carriedSteps,
      },
    ],
    [
      'Web::Logplex::QueueTime',
      { aggregation: 'percentile', percentile: 99, minimum_queue_time: 100, maximum_queue_time: 250 },
      { use: 'request-queue-time' },
      {
        use: 'queue-time',
        minimumMs: 100,
        maximumMs: 250,
        aggregation: 'percentile',
        percentile: 99,
        ...carriedSteps,
      },
    ],
    [
      'Web::Logplex::ResponseTime',
      { aggregation: 'average', minimum_response_time: 500, maximum_response_time: 1000 },
      { use: 'response-time' },
      { use: 'response-time', minimumMs: 500, maximumMs: 1000, aggregation: 'average', ...carriedSteps },
    ],
    [
      'Web::Logplex::ConnectTime',
      { aggregation: 'average', minimum_connect_time: 5, maximum_connect_time: 50 },
      { use: 'response-time', measure: 'connect' },
      { use: 'response-time', minimumMs: 5, maximumMs: 50, aggregation: 'average', ...carriedSteps },
    ],
    [
      'Web::Logplex::Load',
      { last_minutes: 5, minimum_load: 40, maximum_load: 85 },
      { use: 'process-load', measure: 'load5' },
      { use: 'load', minimum: 0.4, maximum: 0.85, ...carriedSteps },
    ],
  ])('%s', async (type, fields, meter, rule) => {
    const { managers, plan } = await imported({ managers: [manager(type, fields)], ranges: {} });
    expect(managers.web).toEqual({
      minimum: 1,
      maximum: 10,
      meters: [meter],
      rules: [rule],
      limits: [cooldown],
    });
    expect(plan.left).toEqual([]);
  });

  test('the ratios: jobs and requests per minute, with their limits', async () => {
    const limits = { upscale_limit: 3, downscale_limit: 2, upscale_timeout: 0, downscale_timeout: 5 };
    const { managers } = await imported({
      managers: [
        manager('Worker::HireFire::JobQueue', { name: 'worker', ratio: 10, ...limits }),
        manager('Web::Logplex::RPM', {
          id: 'M2',
          ratio: 600,
          downscale_sensitivity: 3,
          downscale_timeout: 0,
        }),
      ],
      ranges: {},
    });
    expect(managers.worker).toEqual({
      minimum: 1,
      maximum: 10,
      meters: [{ use: 'http-info' }],
      rules: [{ use: 'queue-size', ratio: 10, decrementable: false }],
      limits: [
        { use: 'stabilise', downSeconds: 60 },
        { use: 'step', maxUp: 3, maxDown: 2 },
        { use: 'cooldown', downSeconds: 300 },
      ],
    });
    expect(managers.web).toMatchObject({
      meters: [{ use: 'response-time' }],
      rules: [{ use: 'requests-per-minute', ratio: 600 }],
      limits: [
        { use: 'stabilise', downSeconds: 120 },
        { use: 'cooldown', upSeconds: 60 },
      ],
    });
  });

  test('New Relic needs other keys, and waits for them', async () => {
    const keys = { new_relic_api_key: 'old-rest-key', new_relic_account_id: '77', new_relic_app_id: '12' };
    const { managers, plan } = await imported({
      managers: [
        manager('Web::NewRelic::V2::Apdex', {
          ...keys,
          minimum_apdex: 85,
          maximum_apdex: 95,
          scale_up_on_503: true,
        }),
      ],
      ranges: {},
    });
    expect(managers.web).toMatchObject({
      paused: true,
      meters: [{ use: 'new-relic', apiKey: 'NRAK-fill-in', accountId: 77, app: 'name of app 12' }],
      rules: [{ use: 'apdex', minimum: 0.85, maximum: 0.95, ...carriedSteps }],
    });
    expect(plan.left).toEqual([
      expect.stringContaining("shop, web: fill in New Relic's user key"),
      'shop, web: scale_up_on_503 (true) is not carried over',
    ]);
    expect(JSON.stringify(plan)).not.toContain('old-rest-key');
  });

  test('a type that nobody knows is paused and told, and so is every setting that is left', async () => {
    const { managers, plan, app } = await imported({
      managers: [
        manager('Web::HireFire::ResponseTime', {
          url: 'https://x',
          minimum_response_time: 1,
          maximum_response_time: 2,
          notify: true,
          notify_quantity: 5,
          notify_after: 10,
        }),
        manager('Worker::Mars::Rocks', { id: 'M2', name: 'rocks', enabled: false, some_new_setting: 4 }),
        manager('Worker::HireFire::JobQueue', { id: 'M3', name: 'no good name', ratio: 1 }),
      ],
      ranges: {},
      application: { custom_domain: 'shop.example.com', ssl: false, restart_crashed_dynos: true },
    });
    expect(app.url).toBe('http://shop.example.com');
    expect(managers.rocks).toMatchObject({ paused: true, meters: [], rules: [] });
    expect(plan.left).toEqual([
      'the app shop: restart_crashed_dynos (true) is not carried over',
      expect.stringContaining('shop, web: no address is timed here'),
      'shop, web: url ("https://x") is not carried over',
      'shop, web: notify_quantity (5) is not carried over',
      'shop, web: notify_after (10) is not carried over',
      expect.stringContaining('shop, rocks: its type "Manager::Worker::Mars::Rocks" has no counterpart here'),
      ...Object.entries(steps).map(([name, value]) => `shop, rocks: ${name} (${value}) is not carried over`),
      'shop, rocks: some_new_setting (4) is not carried over',
      expect.stringContaining('"no good name" has a name that no process type can have'),
    ]);
  });

  test('time ranges, in the order of their positions, in the time zone of the organization', async () => {
    const week = { monday: true, tuesday: true, wednesday: true, thursday: true, friday: true };
    const ranges = {
      M1: [
        {
          from_minute: 0,
          until_minute: 1439,
          minimum: 0,
          maximum: 1,
          position: 1,
          saturday: true,
          sunday: true,
        },
        { from_minute: 540, until_minute: 1050, minimum: 2, maximum: 10, position: 0, ...week },
        { from_minute: 60, until_minute: 60, minimum: 2, maximum: 10, position: 2, ...week },
      ],
    };
    const one = manager('Worker::HireFire::JobQueue', {
      name: 'worker',
      ratio: 5,
      upscale_timeout: 0,
      downscale_timeout: 0,
      downscale_sensitivity: 1,
    });
    const { managers, plan } = await imported({ managers: [one], ranges });
    expect(managers.worker.limits).toEqual([
      {
        use: 'schedule',
        ranges: 'mon,tue,wed,thu,fri 09:00-17:30 min 2 max 10; sat,sun 00:00-24:00 min 0 max 1',
        timeZone: 'Europe/Berlin',
      },
    ]);
    expect(plan.left).toEqual([expect.stringContaining('a time range is empty or broken')]);
    const other = await imported({ managers: [one], ranges, timeZone: 'Eastern Time (US & Canada)' });
    expect(other.plan.left.join()).toContain('write the time zone of its schedule');
    const unlisted = await imported({ managers: [one] });
    expect(unlisted.plan.left).toEqual([expect.stringContaining('its time ranges could not be listed')]);
  });
});

describe('what HireFire may answer instead', () => {
  test('a wrong key, another app, no app, no such API', async () => {
    const api = await serving(hirefireApi({ managers: [], ranges: {} }));
    await expect(readHirefire({ api, key: 'wrong-key' })).rejects.toThrow(
      'HireFire cannot be asked: it answered 401: it does not know this key.',
    );
    await expect(readHirefire({ api, key, app: 'shpo' })).rejects.toThrow('there is "shop"');
    const other = await serving((_request, response) => response.end('{"welcome":true}'));
    await expect(readHirefire({ api: other, key })).rejects.toThrow('has no list named "applications"');
    const page = await serving((_request, response) => response.end('<html>'));
    await expect(readHirefire({ api: page, key })).rejects.toThrow('no JSON');
  });

  test('429 and 500 are tried again, at most twice', async () => {
    let asked = 0;
    const url = await serving((_request, response) => {
      asked++;
      response.writeHead(asked === 1 ? 429 : asked === 2 ? 503 : 200).end('{"ok":1}');
    });
    expect(await fetchJson({ url, service: 'X', secret: 's3' }, 1)).toEqual({ ok: 1 });
    expect(asked).toBe(3);
    const never = await serving((_request, response) => {
      asked++;
      response.writeHead(500).end();
    });
    await expect(fetchJson({ url: never, service: 'X', secret: 's3' }, 1)).rejects.toThrow('it answered 500');
    expect(asked).toBe(6);
  });
});

/** As Judoscale's API reference has it. */
const judoscaleSettings = {
  slack_webhook_url: '',
  name: 'example',
  process_types: [
    {
      name: 'web',
      autoscaling_enabled: true,
      range_min: 2,
      range_max: 12,
      upscale_quantity: 2,
      upscale_interval_seconds: 120,
      upscale_sensitivity_seconds: 10,
      downscale_quantity: 1,
      downscale_interval_seconds: 600,
      autoscale_metrics: [{ metric: 'adapter_queue_time', upscale_threshold: 100, downscale_threshold: 50 }],
    },
    {
      name: 'worker',
      autoscaling_enabled: false,
      all_queues: false,
      queue_names: ['default', 'high'],
      range_min: 1,
      range_max: 6,
      upscale_quantity: 2,
      upscale_interval_seconds: 120,
      upscale_sensitivity_seconds: 40,
      downscale_quantity: 1,
      downscale_interval_seconds: 1_200,
      autoscale_metrics: [
        { metric: 'adapter_queue_time', upscale_threshold: 10_000, downscale_threshold: 5_000 },
      ],
    },
  ],
};

describe('Judoscale', () => {
  const api: RequestListener = (request, response) => {
    const good =
      request.method === 'GET' &&
      request.url === '/token-in-url/settings?backward_compatible_attributes=false';
    response.writeHead(good ? 200 : 401).end(JSON.stringify(good ? judoscaleSettings : {}));
  };

  test('web by requests, worker by jobs', async () => {
    const plan = await readJudoscale(`${await serving(api)}/token-in-url/`, undefined);
    const { managers } = parse(yamlOf(plan, 'Judoscale')).apps.example;
    expect(managers.web).toEqual({
      minimum: 2,
      maximum: 12,
      meters: [{ use: 'request-queue-time' }],
      rules: [
        {
          use: 'queue-time',
          minimumMs: 50,
          maximumMs: 100,
          upBy: 2,
          downBy: 1,
          upAfterSeconds: 0,
          downAfterSeconds: 600,
        },
      ],
      limits: [{ use: 'cooldown', upSeconds: 120, downSeconds: 600 }],
    });
    expect(managers.worker).toMatchObject({
      paused: true,
      meters: [{ use: 'judoscale', queues: 'default, high' }],
      rules: [
        {
          use: 'queue-latency',
          minimumSeconds: 5,
          maximumSeconds: 10,
          upAfterSeconds: 30,
          downAfterSeconds: 840,
        },
      ],
    });
    expect(plan.left).toEqual([
      'example, worker: the quiet time before a cut is 840 s, not 1200 s; two cuts are kept apart so long',
    ]);
  });

  test('other metrics, the older attributes, and what nobody knows', () => {
    const types = [
      {
        name: 'a',
        autoscale_metrics: [
          { metric: 'adapter_utilization', upscale_threshold: 80, downscale_threshold: 40 },
        ],
      },
      { name: 'b', upscale_threshold: 200, downscale_threshold: 100, schedule: [1] },
      { name: 'c', autoscale_metrics: [{ metric: 'moon_phase', upscale_threshold: 1 }] },
    ];
    const plan = planOf({ name: 'My App', process_types: types }, undefined);
    expect(plan.apps[0]?.managers).toMatchObject([
      { meters: [{ use: 'process-load', options: { measure: 'utilisation' } }], rules: [{ use: 'load' }] },
      {
        meters: [{ use: 'request-queue-time' }],
        rules: [{ use: 'queue-time', options: { maximumMs: 200 } }],
      },
      { paused: true, meters: [], rules: [] },
    ]);
    expect(plan.left).toEqual([
      'the app "My App" is named "my-app" here',
      'my-app, b: schedule ([1]) is not carried over',
      'my-app, c: the metric "moon_phase" has no counterpart here',
      'my-app, c: no metric could be carried over, so it is paused',
    ]);
  });

  test('a wrong address does not tell the token', async () => {
    const url = `${await serving(api)}/wrong-token`;
    const error = await readJudoscale(url).catch((problem: Error) => problem.message);
    expect(error).toContain('it does not know this key');
    expect(error).not.toContain('wrong-token');
    expect(() => planOf([], 'x')).toThrow('no list named "process_types"');
  });
});

test('--apply creates in a running controller, and a second time leaves what is there', async () => {
  const config = await loadConfig(undefined, { cwd: folder.path, env: {}, port: 0, data: 'applied' });
  const controller = await startController({ config, log: 'silent' });
  try {
    const { url, key: own } = JSON.parse(readFileSync(join(config.data, 'controller.json'), 'utf8'));
    const plan = planOf(judoscaleSettings);
    expect(await apply(plan, { url, key: own })).toEqual([
      'app example: created, as a dry run',
      'manager example web: created',
      'manager example worker: created',
    ]);
    expect((await apply(plan, { url, key: own })).every((line) => line.includes('was there already'))).toBe(
      true,
    );
    const [app] = await call<App[]>({ url, key: own }, 'GET', '/api/apps');
    expect(app?.managers.map(({ processType, paused }) => [processType, paused])).toEqual([
      ['web', false],
      ['worker', true],
    ]);
  } finally {
    await controller.close();
  }
});

describe('the command', () => {
  async function headcount(args: string[], { env = {}, input = '' } = {}) {
    const program = join(packageFolder, 'dist', 'cli', 'main.js');
    const child = spawn(process.execPath, [program, 'import', ...args], {
      cwd: folder.path,
      env: {
        ...process.env,
        TMPDIR: folder.path,
        DATABASE_URL: '',
        HIREFIRE_API_KEY: '',
        JUDOSCALE_URL: '',
        ...env,
      },
    });
    child.stdin.end(input);
    const out: string[] = [];
    const err: string[] = [];
    child.stdout.on('data', (data) => out.push(String(data)));
    child.stderr.on('data', (data) => err.push(String(data)));
    const code = await new Promise((resolve) => child.on('close', resolve));
    return { code, out: out.join(''), err: err.join('') };
  }
  const one = manager('Worker::HireFire::JobQueue', { name: 'worker', ratio: 5 });

  test('prints, with the key from the environment or from the pipe', async () => {
    const api = await serving(hirefireApi({ managers: [one], ranges: {} }));
    const byEnv = await headcount(['hirefire', '--api', api], { env: { HIREFIRE_API_KEY: key } });
    expect(byEnv).toMatchObject({ code: 0, err: 'Everything was carried over.\n' });
    expect(parse(byEnv.out).apps.shop.managers.worker.rules).toHaveLength(1);
    const byPipe = await headcount(['hirefire', '--api', api], { input: `${key}\n` });
    expect(byPipe.out).toBe(byEnv.out);
    expect(byPipe.err).not.toContain(key);
  });

  test('writes a file that the controller takes, and never over another', async () => {
    const api = await serving(hirefireApi({ managers: [one], ranges: {} }));
    const out = join(folder.path, 'imported.yaml');
    const args = ['hirefire', '--api', api, '--out', out];
    expect(await headcount(args, { env: { HIREFIRE_API_KEY: key } })).toMatchObject({ code: 0 });
    expect((await loadConfig(out, { cwd: folder.path, env: {} })).apps).toMatchObject([{ name: 'shop' }]);
    const again = await headcount(args, { env: { HIREFIRE_API_KEY: key } });
    expect(again.code).toBe(1);
    expect(again.err).toContain('there is a file of that name');
  });

  test.each([
    [['hirefir'], 'did you mean "hirefire"?', 1],
    [['hirefire'], 'Give it in the environment as HIREFIRE_API_KEY.', 2],
    [['judoscale'], 'Give it in the environment as JUDOSCALE_URL.', 2],
    [['judoscale', '--token', 'nonsense'], 'no address that begins with https://', 1],
    [['hirefire', '--apply'], 'No controller runs here', 1],
  ])('%j tells what is missing', async (args, said, code) => {
    const result = await headcount(args);
    expect(result.err).toContain(said);
    expect(result.err).not.toContain('    at ');
    expect(result.code).toBe(code);
    expect(existsSync(join(folder.path, 'headcount.yaml'))).toBe(false);
  });
});
