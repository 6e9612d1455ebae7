/** The Heroku fleet against the fake Heroku, which is held to the published schema (`strict`). */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { until } from '../checks/servers.ts';
import { type VirtualClock, virtualClock } from '../checks/stage.ts';
import { type FakeHeroku, type FakeOptions, startFakeHeroku } from '../examples/heroku-fake/server.ts';
import { fleetContract } from './contract.ts';
import type { Fleet } from './fleet.ts';
import { createHeroku, heroku } from './heroku.ts';

const never = new AbortController().signal;
const procfile = { web: 'node web.js', worker: 'node worker.js', release: './migrate' };
const key = 'HRKU-very-secret';

interface Place {
  readonly fake: FakeHeroku;
  readonly fleet: Fleet;
  readonly clock: VirtualClock;
  readonly lines: string[];
}

const opened: { fake: FakeHeroku; fleet: Fleet; clock: VirtualClock }[] = [];

afterEach(async () => {
  for (const { fake, fleet, clock } of opened.splice(0)) {
    await fleet.close?.();
    const closed = fake.close();
    clock.advance(60_000);
    await closed;
  }
});

async function open(fakeOptions: Partial<FakeOptions> = {}, options = {}): Promise<Place> {
  const clock = virtualClock(1_760_000_000_000);
  const fake = await startFakeHeroku({ procfile, apiKey: key, strict: true, clock, ...fakeOptions });
  const lines: string[] = [];
  const fleet = createHeroku(
    { app: 'demo', apiKey: key, baseUrl: fake.url, tokenUrl: `${fake.url}/oauth/token`, ...options },
    {
      appName: 'a',
      appToken: 't',
      folder: '/nowhere',
      now: clock.now,
      log: (name, line) => void lines.push(`${name} | ${line}`),
    },
  );
  opened.push({ fake, fleet, clock });
  return { fake, fleet, clock, lines };
}

const looks = async (fleet: Fleet, type = 'worker'): Promise<string> =>
  ((await fleet.count(never))[type] ?? []).map(({ name, state }) => `${name} ${state}`).join(', ');
const patches = ({ calls }: FakeHeroku): string[] => calls.filter((call) => call.startsWith('PATCH'));

describe('contract', () => {
  fleetContract(
    {
      kind: heroku,
      options: { app: 'demo', apiKey: key },
      types: ['worker', 'web'],
      open: async () => {
        const fake = await startFakeHeroku({ procfile, apiKey: key, strict: true, bootSeconds: 0.03 });
        const given = { app: 'demo', apiKey: key, baseUrl: fake.url };
        const around = { appName: 'a', appToken: 't', folder: '/nowhere', now: Date.now, log: () => {} };
        return { fleet: await heroku.create(given, around), release: () => fake.close() };
      },
    },
    { test, expect },
  );
});

describe('counting', () => {
  test('follows a dyno from its order to its end', async () => {
    const { fake, fleet, clock } = await open({ bootSeconds: 10, graceSeconds: 30 });
    await fleet.scaleTo({ worker: 2 }, never);
    expect(await looks(fleet)).toBe('worker.1 starting, worker.2 starting');
    clock.advance(10_000);
    expect(await looks(fleet)).toBe('worker.1 up, worker.2 up');
    fake.setBusy('worker.2', 1);
    await fleet.scaleTo({ worker: 1 }, never);
    expect(await looks(fleet)).toBe('worker.1 up, worker.2 stopping');
    clock.advance(30_000);
    expect(await looks(fleet)).toBe('worker.1 up');
    expect(fake.stats()).toMatchObject({ stoppedBusy: 1, killed: 1, killedRunning: 1 });
    expect(fake.stats().kills).toMatchObject([{ dyno: 'worker.2', running: 1 }]);
  });

  test('is the same when the platform hides what is ending', async () => {
    const { fake, fleet } = await open({ hideEnding: true });
    await fleet.scaleTo({ worker: 3 }, never);
    opened.at(-1)?.clock.advance(0);
    fake.setBusy('worker.3', 1);
    await fleet.scaleTo({ worker: 2 }, never);
    expect(await looks(fleet)).toBe('worker.1 up, worker.2 up');
  });

  test('a crashed dyno is crashed and counts', async () => {
    const { fake, fleet, clock } = await open();
    await fleet.scaleTo({ worker: 2 }, never);
    clock.advance(0);
    fake.crash('worker.1');
    expect(await looks(fleet)).toBe('worker.1 crashed, worker.2 up');
    clock.advance(0);
    expect(await looks(fleet)).toBe('worker.1 up, worker.2 up');
    expect(fake.stats().crashed).toBe(1);
  });

  test('one-off dynos and the release phase are no part of it', async () => {
    const { fake, fleet } = await open();
    for (const type of ['run', 'release', 'scheduler'])
      await call(fake, 'POST', '/apps/demo/dynos', { command: 'rake', type });
    expect(await fleet.count(never)).toEqual({ web: [], worker: [] });
    await expect(fleet.scaleTo({ release: 1 }, never)).rejects.toMatchObject({
      code: 'PROCESS_TYPE_UNKNOWN',
    });
  });

  test('costs one call while nothing changes, and sees what a person scaled', async () => {
    const { fake, fleet, clock } = await open();
    await fleet.count(never);
    fake.calls.splice(0);
    clock.advance(10_000);
    await fleet.count(never);
    expect(fake.calls).toEqual(['GET /apps/demo/dynos']);
    await call(fake, 'PATCH', '/apps/demo/formation/worker', { quantity: 2 });
    clock.advance(10_000);
    expect(await looks(fleet)).toBe('worker.1 up, worker.2 up');
    await call(fake, 'PATCH', '/apps/demo/formation/worker', { quantity: 1 });
    clock.advance(10_000);
    expect(await looks(fleet)).toBe('worker.1 up');
  });

  test('reads every page of a long list', async () => {
    const { fake, fleet, clock } = await open({ mostDynos: 2_000 });
    await fleet.scaleTo({ worker: 1_100 }, never);
    clock.advance(0);
    fake.calls.splice(0);
    expect((await fleet.count(never)).worker).toHaveLength(1_100);
    expect(fake.calls.filter((one) => one.endsWith('/dynos'))).toHaveLength(2);
  });

  test('is less frequent when few calls are left, but scaling is not', async () => {
    const { fake, fleet, clock } = await open();
    fake.setRemaining(900);
    await fleet.count(never);
    expect(fleet.warnings?.()).toEqual(['few calls are left at Heroku, so dynos are counted every 30 s']);
    fake.calls.splice(0);
    clock.advance(29_000);
    await fleet.count(never);
    expect(fake.calls).toEqual([]);
    await fleet.scaleTo({ worker: 1 }, never);
    clock.advance(0);
    expect(await looks(fleet)).toBe('worker.1 up');
    fake.setRemaining(4_000);
    clock.advance(31_000);
    await fleet.count(never);
    expect(fleet.warnings?.()).toEqual([]);
  });
});

describe('scaling', () => {
  test('changes all types in one call, and only what differs', async () => {
    const { fake, fleet } = await open();
    await fleet.scaleTo({ web: 1, worker: 3 }, never);
    await fleet.scaleTo({ web: 1, worker: 5 }, never);
    await fleet.scaleTo({ web: 1, worker: 5 }, never);
    expect(patches(fake)).toEqual([
      'PATCH /apps/demo/formation {"updates":[{"type":"web","quantity":1},{"type":"worker","quantity":3}]}',
      'PATCH /apps/demo/formation {"updates":[{"type":"worker","quantity":5}]}',
    ]);
    expect(fake.stats()).toMatchObject({ scaleCalls: 2, refusals: 0 });
  });

  test('knows a process type that a deploy has just added', async () => {
    const { fake, fleet } = await open();
    await fleet.count(never);
    await expect(fleet.scaleTo({ worke: 1 }, never)).rejects.toThrow('Did you mean "worker"?');
    expect(fake.calls.filter((one) => one === 'GET /apps/demo/formation')).toHaveLength(2);
  });

  test('at a limit it takes as many as may run, says so, and does not ask again for ten minutes', async () => {
    const { fake, fleet, clock, lines } = await open({ mostDynos: 5 });
    await fleet.scaleTo({ web: 2, worker: 11 }, never);
    expect(fake.stats().formation).toMatchObject({ web: 2, worker: 3 });
    const words = 'Heroku runs at most 3 Standard-1X dynos of worker now, 11 were wanted';
    expect(lines).toEqual([`worker | ${words}`]);
    expect(fleet.warnings?.()).toEqual([words]);
    const before = patches(fake).length;
    clock.advance(599_000);
    await fleet.scaleTo({ worker: 11 }, never);
    expect(patches(fake)).toHaveLength(before);
    await fleet.scaleTo({ worker: 2 }, never);
    expect(fake.stats().formation.worker).toBe(2);
    clock.advance(1_000);
    expect(fleet.warnings?.()).toEqual([]);
    await fleet.scaleTo({ web: 0, worker: 11 }, never);
    expect(fake.stats().formation).toMatchObject({ web: 0, worker: 5 });
  });

  test('at the limit already, nothing is lowered below what runs', async () => {
    const { fake, fleet } = await open({ size: 'Basic' });
    await fleet.scaleTo({ worker: 4 }, never);
    expect(fake.stats().formation.worker).toBe(1);
    await fleet.scaleTo({ worker: 4, web: 1 }, never);
    expect(fake.stats().formation).toMatchObject({ web: 1, worker: 1 });
  });

  test('a limit that does not help is told after a bounded number of tries', async () => {
    const { fake, fleet } = await open();
    const more = { limit: 0 };
    fake.fault({ status: 422, id: 'cannot_run_above_limit', message: 'No.', more, on: 'PATCH', times: 99 });
    await fleet.scaleTo({ worker: 4 }, never);
    expect(patches(fake)).toHaveLength(1);
    fake.clearFaults();
    const rising = [40, 30, 20, 10, 5, 4];
    for (const limit of rising)
      fake.fault({ status: 422, id: 'cannot_run_above_limit', message: 'No.', more: { limit }, on: 'PATCH' });
    await expect(fleet.scaleTo({ web: 50 }, never)).rejects.toThrow('No (422 cannot_run_above_limit)');
    expect(patches(fake)).toHaveLength(5);
  });

  test('a release or preboot in progress is told in its words, and works later', async () => {
    const { fake, fleet } = await open();
    fake.fault({ name: 'preboot', on: 'PATCH' });
    await expect(fleet.scaleTo({ worker: 1 }, never)).rejects.toThrow(
      'Heroku refuses to change "demo": Cannot change formation for a preboot app until release phase and preboot ' +
        'complete (422 invalid_params). It is tried again',
    );
    await fleet.scaleTo({ worker: 1 }, never);
    expect(fake.stats().formation.worker).toBe(1);
  });

  test('highest numbers go first', async () => {
    const ended: string[] = [];
    const log = (line: string): void => void (/^heroku\[(.*)\]: Stopping all/.exec(line) && ended.push(line));
    const { fleet, clock } = await open({ log });
    await fleet.scaleTo({ worker: 4 }, never);
    clock.advance(0);
    await fleet.scaleTo({ worker: 1 }, never);
    expect(ended.map((line) => line.split(']')[0])).toEqual([4, 3, 2].map((n) => `heroku[worker.${n}`));
  });
});

describe('refusals', () => {
  const cases = [
    ['delinquent', 'Heroku wants to be paid for "demo": Payment is overdue (402 delinquent)'],
    ['forbidden', 'The key may not do this to "demo": You do not have access to the app (403 forbidden)'],
    ['suspended', 'The account of "demo" is suspended'],
    ['conflict', 'Heroku refuses to change "demo": Another change is in progress (409 conflict)'],
    ['unavailable', 'Heroku is out of order: The API is being maintained (503 unavailable)'],
    ['garbage', 'The answer of 127.0.0.1'],
    ['redirect', 'Redirects are not followed'],
    ['hang-up', 'cannot be reached'],
    ['unauthorized', 'Heroku does not know the key'],
  ] as const;
  for (const [name, words] of cases)
    test(`${name}: neither counts nor scales, says what to do, and works again after`, async () => {
      const { fake, fleet } = await open();
      fake.fault({ name, times: 3 });
      const counted = fleet.count(never);
      await expect(counted).rejects.toMatchObject({ code: 'FLEET_FAILED' });
      await expect(counted).rejects.toThrow(words);
      await expect(fleet.scaleTo({ worker: 1 }, never)).rejects.toThrow(words);
      expect(fake.stats().formation.worker).toBe(0);
      fake.clearFaults();
      await fleet.scaleTo({ worker: 1 }, never);
      expect(fake.stats().formation.worker).toBe(1);
    });

  test('a wrong key and an unknown app say what to do', async () => {
    const wrongKey = await open({ apiKey: 'another' });
    await expect(wrongKey.fleet.count(never)).rejects.toThrow('heroku authorizations:create -s write');
    const wrongApp = await open({ app: 'other' });
    await expect(wrongApp.fleet.count(never)).rejects.toThrow('Heroku has no "demo" that this key may see');
  });

  test('the key is never told, not even when the answer tells it', async () => {
    const { fake, fleet } = await open();
    fake.fault({ status: 422, message: `the key is ${key}`, times: 2 });
    const error = await fleet.count(never).catch((thrown: Error) => thrown);
    expect(String(error)).toContain('the key is [key]');
    expect(JSON.stringify([error, String((error as Error).cause), (error as Error).stack])).not.toContain(
      key,
    );
  });

  test('no answer within the time limit', async () => {
    const { fake, fleet } = await open({}, { timeoutSeconds: 0.05 });
    fake.fault({ delayMs: 200, times: 2 });
    await expect(fleet.count(never)).rejects.toThrow('no answer within 0.05 s');
  });

  test('an answer without end is not read to the end', async () => {
    const { fake, fleet } = await open();
    fake.fault({ status: 200, raw: 'x'.repeat(5 * 1024 * 1024), times: 2 });
    await expect(fleet.count(never)).rejects.toThrow('larger than 4194304 bytes');
  });

  test('what is not as documented is no formation', async () => {
    const { fake, fleet } = await open();
    for (const raw of ['{}', '[{}]', '[{"type":"worker","quantity":-1}]', 'null', '[null]']) {
      fake.fault({ status: 200, raw, on: 'GET /apps/demo/formation' });
      await expect(fleet.count(never)).rejects.toMatchObject({ code: 'FLEET_FAILED' });
    }
    for (const raw of ['{}', '[{}]', '[{"name":"worker.1","type":"worker","state":"up"}]']) {
      fake.fault({ status: 200, raw, on: 'GET /apps/demo/dynos' });
      await expect(fleet.count(never)).rejects.toMatchObject({ code: 'FLEET_FAILED' });
    }
  });

  test('after a 429 nothing is sent before Retry-After, or a growing pause, is over', async () => {
    const { fake, fleet, clock } = await open();
    fake.fault({ name: 'rate-limit', headers: { 'retry-after': '7' }, on: 'GET /apps/demo/dynos' });
    await expect(fleet.count(never)).rejects.toThrow('Heroku has had too many calls');
    const sent = fake.calls.length;
    clock.advance(6_000);
    await expect(fleet.count(never)).rejects.toThrow('next call in 1 s');
    await expect(fleet.scaleTo({ worker: 1 }, never)).rejects.toThrow('Heroku is not called for a while');
    expect(fake.calls).toHaveLength(sent);
    clock.advance(1_000);
    await fleet.count(never);
    fake.setRemaining(0);
    clock.advance(60_000 / 75 - 1);
    await expect(fleet.scaleTo({ worker: 1 }, never)).rejects.toThrow('429 rate_limit');
    clock.advance(14_999);
    await expect(fleet.scaleTo({ worker: 1 }, never)).rejects.toThrow('next call in 1 s');
    clock.advance(1);
    await fleet.scaleTo({ worker: 1 }, never);
    expect(fake.stats().formation.worker).toBe(1);
  });

  test('a call that its caller ends is no failure of Heroku', async () => {
    const { fake, fleet } = await open();
    fake.fault({ delayMs: 300, times: 2 });
    const abort = new AbortController();
    const counted = fleet.count(abort.signal);
    await until(() => fake.calls.length > 0, 'the call');
    abort.abort();
    await expect(counted).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('an OAuth client', () => {
  const oauth = { clientSecret: 'client-very-secret', refreshToken: 'refresh-very-secret' };
  const tokensMade = ({ calls }: FakeHeroku): number =>
    calls.filter((call) => call === 'POST /oauth/token').length;
  const openClient = (given: object = {}): Promise<Place> =>
    open({ oauth: { ...oauth, tokenSeconds: 28_800 } }, { apiKey: undefined, ...oauth, ...given });

  test('makes its key before the first call, and another one only when it has ended', async () => {
    const { fake, fleet, clock } = await openClient();
    await Promise.all([fleet.scaleTo({ worker: 1 }, never), fleet.count(never), fleet.cost?.(never)]);
    clock.advance(28_700_000);
    await fleet.scaleTo({ worker: 2 }, never);
    expect(tokensMade(fake)).toBe(1);
    clock.advance(200_000);
    await Promise.all([fleet.scaleTo({ worker: 3 }, never), fleet.count(never)]);
    expect(tokensMade(fake)).toBe(2);
    expect(fake.stats().formation).toMatchObject({ worker: 3 });
    fake.revokeKeys();
    expect((await fleet.count(never)).worker).toHaveLength(3);
    expect(tokensMade(fake)).toBe(3);
  });

  test('starts with the key that it has', async () => {
    const { fake, fleet } = await openClient({ apiKey: key });
    await fleet.count(never);
    expect(tokensMade(fake)).toBe(0);
  });

  test('a new key that is refused as well is not made again and again', async () => {
    const { fake, fleet } = await openClient();
    await fleet.count(never);
    fake.fault({ name: 'unauthorized', on: 'PATCH', times: 10 });
    await expect(fleet.scaleTo({ worker: 1 }, never)).rejects.toThrow('Heroku does not know the key');
    expect(tokensMade(fake)).toBe(2);
    expect(patches(fake)).toHaveLength(2);
    fake.clearFaults();
    await fleet.scaleTo({ worker: 1 }, never);
  });

  test.each([
    ['clientSecret', 'wrong-secret', '401'],
    ['refreshToken', 'wrong-token', '400'],
  ])(
    'a wrong %s says what to do, tells no secret, and is not tried at every checkup',
    async (name, value, status) => {
      const { fake, fleet, clock } = await openClient({ [name]: value });
      for (let checkup = 0; checkup < 3; checkup++) {
        const problem = await fleet.count(never).catch((error: Error) => error);
        expect(problem).toMatchObject({
          code: 'FLEET_FAILED',
          message: expect.stringContaining('refreshToken'),
        });
        expect(String(problem)).toContain(status);
        expect(String(problem)).not.toMatch(/very-secret|wrong-/);
      }
      expect(tokensMade(fake)).toBe(1);
      clock.advance(60_000);
      await expect(fleet.count(never)).rejects.toMatchObject({ code: 'FLEET_FAILED' });
      expect(tokensMade(fake)).toBe(2);
    },
  );

  test('nobody who answers, and an answer that is none', async () => {
    const { fleet } = await openClient({ tokenUrl: 'http://127.0.0.1:1/oauth/token' });
    await expect(fleet.count(never)).rejects.toThrow(/No new key could be got from 127\.0\.0\.1:1/);
    await expect(fleet.count(AbortSignal.abort())).rejects.toThrow('aborted');
  });

  test('needs both halves, and an address that is no danger', () => {
    const make = (options: object) => () =>
      createHeroku(
        { app: 'demo', ...options },
        { appName: 'a', appToken: 't', folder: '/nowhere', now: Date.now, log: () => {} },
      );
    expect(make({ refreshToken: 'x' })).toThrow('"clientSecret"');
    expect(make({ clientSecret: 'x' })).toThrow('"refreshToken"');
    expect(make({ ...oauth, tokenUrl: 'http://example.com/token' })).toThrow('unencrypted');
  });
});

describe('what somebody else sets', () => {
  test('is adopted, and told for a quarter of an hour; what we set ourselves is not', async () => {
    const { fake, fleet, clock, lines } = await open();
    await fleet.count(never);
    await fleet.scaleTo({ worker: 2 }, never);
    await fleet.count(never);
    expect(fleet.warnings?.()).toEqual([]);
    await call(fake, 'PATCH', '/apps/demo/formation', { updates: [{ type: 'worker', quantity: 5 }] });
    clock.advance(2_000);
    expect((await fleet.count(never)).worker).toHaveLength(5);
    const told = 'somebody set worker to 5 at Heroku (it was 2); that is taken as it is';
    expect(fleet.warnings?.()).toEqual([told]);
    expect(lines).toEqual([`worker | ${told}`]);
    clock.advance(14 * 60_000);
    await fleet.count(never);
    expect(fleet.warnings?.()).toEqual([told]);
    clock.advance(60_000);
    expect(fleet.warnings?.()).toEqual([]);
    expect(lines).toHaveLength(1);
  });

  test('is told no longer once we set another number, and a call without an answer is our own', async () => {
    const { fake, fleet, clock } = await open();
    await fleet.scaleTo({ worker: 1 }, never);
    await fleet.count(never);
    await call(fake, 'PATCH', '/apps/demo/formation', { updates: [{ type: 'worker', quantity: 4 }] });
    clock.advance(2_000);
    await fleet.count(never);
    expect(fleet.warnings?.()).toHaveLength(1);
    await fleet.scaleTo({ worker: 3 }, never);
    await fleet.count(never);
    expect(fleet.warnings?.()).toEqual([]);
    fake.fault({ name: 'hang-up', on: 'PATCH' });
    await expect(fleet.scaleTo({ worker: 6 }, never)).rejects.toMatchObject({ code: 'FLEET_FAILED' });
    // As if Heroku had carried it out and only its answer was lost.
    await call(fake, 'PATCH', '/apps/demo/formation', { updates: [{ type: 'worker', quantity: 6 }] });
    clock.advance(2_000);
    await fleet.count(never);
    expect(fleet.warnings?.()).toEqual([]);
  });
});

describe('beside scaling', () => {
  test('a price per second and process type', async () => {
    const { fake, fleet } = await open();
    await call(fake, 'PATCH', '/apps/demo/formation/web', { dyno_size: { name: 'performance-m' } });
    const month = 720 * 3_600;
    expect(await fleet.cost?.(never)).toEqual({ web: 250 / month, worker: 25 / month });
    await fleet.cost?.(never);
    expect(fake.calls.filter((one) => one === 'GET /dyno-sizes')).toHaveLength(1);
    const eco = await open({ size: 'Eco' });
    expect(await eco.fleet.cost?.(never)).toEqual({});
  });

  test("Heroku's own autoscaling is seen, told, and not fought", async () => {
    const { fake, clock, lines } = await open({ autoscale: true, size: 'Performance-M' });
    const around = {
      appName: 'a',
      appToken: 't',
      folder: '',
      now: clock.now,
      log: (name: string, line: string) => void lines.push(`${name} | ${line}`),
    };
    const given = { app: 'demo', apiKey: key, baseUrl: fake.url, metricsUrl: fake.url };
    const fleet = createHeroku(given, around);
    opened.push({ fake: { ...fake, close: async () => {} }, fleet, clock });
    await fleet.count(never);
    await until(() => (fleet.warnings?.() ?? []).length > 0, 'the warning');
    expect(fleet.warnings?.()[0]).toContain('heroku ps:autoscale:disable -a demo');
    expect(lines).toHaveLength(1);
    await fleet.scaleTo({ web: 3, worker: 2 }, never);
    expect(fake.stats().formation).toMatchObject({ web: 0, worker: 2 });
    const [monitor] = (await call(fake, 'GET', '/apps/demo/formation/web/monitors')) as { id: string }[];
    await call(fake, 'PATCH', `/apps/demo/formation/web/monitors/${monitor?.id}`, { is_active: false });
    clock.advance(600_000);
    await fleet.count(never);
    await until(() => fleet.warnings?.().length === 0, 'no warning');
    await fleet.scaleTo({ web: 3 }, never);
    expect(fake.stats().formation.web).toBe(3);
  });

  test('nobody looks for it where it cannot be', async () => {
    const { fake, fleet } = await open({ autoscale: true }, {});
    await fleet.count(never);
    expect(fake.calls.filter((one) => one.includes('monitors'))).toEqual([]);
  });

  test('what stays crashed is restarted after a minute, then less and less often', async () => {
    const { fake, fleet, clock } = await open({}, { restartCrashed: true });
    await fleet.scaleTo({ worker: 1 }, never);
    clock.advance(0);
    const restarts = (): number => fake.calls.filter((one) => one.startsWith('DELETE')).length;
    const crashTwice = async (): Promise<void> => {
      for (let i = 0; i < 2; i++) {
        fake.crash('worker.1');
        clock.advance(0);
      }
    };
    await crashTwice();
    expect(await looks(fleet)).toBe('worker.1 crashed');
    clock.advance(59_000);
    await fleet.count(never);
    expect(restarts()).toBe(0);
    clock.advance(1_000);
    await fleet.count(never);
    expect(restarts()).toBe(1);
    clock.advance(0);
    await crashTwice();
    clock.advance(119_000);
    await fleet.count(never);
    expect(restarts()).toBe(1);
    clock.advance(1_000);
    await fleet.count(never);
    expect(restarts()).toBe(2);
  });
});

describe('options', () => {
  const make = (given: Record<string, string>): Fleet =>
    createHeroku(given, { appName: 'a', appToken: 't', folder: '', now: Date.now, log: () => {} });

  test('the key never goes unencrypted to another machine, nor into a message', () => {
    const right = { app: 'demo', apiKey: key };
    expect(() => make({ ...right, baseUrl: 'http://heroku.example.com' })).toThrow(
      'send the key unencrypted',
    );
    expect(() => make({ ...right, metricsUrl: 'http://heroku.example.com' })).toThrow('"metricsUrl"');
    expect(() => make({ ...right, baseUrl: 'https://u:p@example.com' })).toThrow('user or password');
    expect(() => make({ ...right, baseUrl: 'heroku' })).toThrow('is no address');
    expect(() => make({ ...right, app: 'De Mo/..' })).toThrow('is no name of an app');
    const broken = `${key}\n${key}`;
    expect(() => make({ app: 'demo', apiKey: broken })).toThrow('a character that no key has');
    expect(() => make({ app: 'demo', apiKey: broken })).not.toThrow(key);
  });

  test('without a key it is taken from the environment, and asked for when it is not there either', async () => {
    vi.stubEnv('HEROKU_API_KEY', '');
    expect(() => make({ app: 'demo' })).toThrow('it has no key');
    const { fake } = await open();
    vi.stubEnv('HEROKU_API_KEY', key);
    expect(await make({ app: 'demo', baseUrl: fake.url }).count(never)).toEqual({ web: [], worker: [] });
    vi.unstubAllEnvs();
  });
});

async function call(fake: FakeHeroku, method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`${fake.url}${path}`, {
    method,
    headers: {
      accept: 'application/vnd.heroku+json; version=3',
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(await response.text());
  return await response.json();
}
