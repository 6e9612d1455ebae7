/** What Prometheus reads: its text format parsed, from checkups that are told and from a real controller. */
import { describe, expect, test, vi } from 'vitest';
import { openController } from '../checks/open-controller.ts';
import { until } from '../checks/servers.ts';
import { createStage, jobs } from '../checks/stage.ts';
import type { CheckupEvent } from './api.ts';
import { realClock } from './clock.ts';
import { shippedKinds } from './kinds.ts';
import { createMetrics, type MetricsSources } from './metrics.ts';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

interface Parsed {
  readonly types: Map<string, string>;
  readonly samples: Map<string, number>;
}

/** As prometheus.io/docs/instrumenting/exposition_formats has it; a line that is none of it fails. */
function parse(text: string): Parsed {
  expect(text.endsWith('\n')).toBe(true);
  const types = new Map<string, string>();
  const samples = new Map<string, number>();
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const type = /^# TYPE (\S+) (counter|gauge|histogram|summary|untyped)$/.exec(line);
    if (type) types.set(type[1] ?? '', type[2] ?? '');
    else if (line.startsWith('#')) expect(line).toMatch(/^# HELP [a-z_][a-z0-9_]* .+$/);
    else {
      const label = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\.)*"';
      const sample = new RegExp(
        `^([a-zA-Z_:][a-zA-Z0-9_:]*)((?:\\{${label}(?:,${label})*\\})?) (\\S+)$`,
      ).exec(line);
      expect(sample, line).not.toBeNull();
      const value = sample?.[3] === 'Nan' ? Number.NaN : Number(sample?.[3]?.replace('+Inf', 'Infinity'));
      const key = `${sample?.[1]}${sample?.[2]}`;
      expect(samples.has(key), `twice: ${key}`).toBe(false);
      samples.set(key, value);
    }
  }
  return { types, samples };
}

const at = 1_760_000_000_000;

function setting(given: Partial<MetricsSources> = {}) {
  const clock = { now: () => at + 250 };
  const manager = () => ({ stored: { minimum: 1, maximum: 8, paused: false } }) as never;
  const sources = { clock, intervalMs: 10_000, manager, holds: () => true, prices: async () => undefined };
  return createMetrics({ ...sources, ...given });
}

type Given = Omit<Partial<CheckupEvent>, 'point'> & { point?: Partial<CheckupEvent['point']> };

function checkup(more: Given = {}): CheckupEvent {
  const point = { at, waiting: 12, oldestSeconds: 3.5, current: 2, desired: 4, unknown: 0, ...more.point };
  return { app: 'shop', processType: 'worker', ...more, point };
}

const outcome = (name: 'scaled' | 'failed'): NonNullable<CheckupEvent['decision']> => {
  return { id: '1', at, current: 2, desired: 4, unknown: false, reasons: [], sentence: '', outcome: name };
};

const shop = '{app="shop",process_type="worker"}';

describe('what is told', () => {
  test('of a manager: its work, its processes, its bounds', async () => {
    const metrics = setting();
    metrics.heard(checkup());
    const { samples, types } = parse(await metrics.text());
    expect(Object.fromEntries([...samples].filter(([key]) => key.endsWith(shop)))).toEqual({
      [`headcount_waiting_jobs${shop}`]: 12,
      [`headcount_oldest_wait_seconds${shop}`]: 3.5,
      [`headcount_processes${shop}`]: 2,
      [`headcount_desired_processes${shop}`]: 4,
      [`headcount_minimum_processes${shop}`]: 1,
      [`headcount_maximum_processes${shop}`]: 8,
      [`headcount_paused${shop}`]: 0,
      [`headcount_unknown${shop}`]: 0,
      [`headcount_last_checkup_timestamp_seconds${shop}`]: at / 1000,
      [`headcount_checkups_total${shop}`]: 1,
      [`headcount_unknown_checkups_total${shop}`]: 0,
    });
    expect(types.get('headcount_waiting_jobs')).toBe('gauge');
    expect(types.get('headcount_checkups_total')).toBe('counter');
    expect(samples.get('process_cpu_seconds_total')).toBeGreaterThan(0);
    expect(samples.get('process_resident_memory_bytes')).toBeGreaterThan(1e6);
  });

  test('what is unknown has no series, and is never zero', async () => {
    const metrics = setting();
    metrics.heard(checkup());
    metrics.heard({
      app: 'shop',
      processType: 'worker',
      point: { at: at + 10_000, current: 2, desired: 2, unknown: 1 },
      unknown: 'Redis does not answer',
    });
    const { samples } = parse(await metrics.text());
    expect(samples.has(`headcount_waiting_jobs${shop}`)).toBe(false);
    expect(samples.has(`headcount_oldest_wait_seconds${shop}`)).toBe(false);
    expect(samples.get(`headcount_unknown${shop}`)).toBe(1);
    expect(samples.get(`headcount_unknown_checkups_total${shop}`)).toBe(1);
    expect(samples.get(`headcount_checkups_total${shop}`)).toBe(2);
  });

  test('decisions count by what became of them', async () => {
    const metrics = setting();
    for (const name of ['scaled', 'scaled', 'failed'] as const)
      metrics.heard(checkup({ decision: outcome(name) }));
    metrics.heard(checkup());
    const { samples } = parse(await metrics.text());
    const of = (name: string) =>
      samples.get(`headcount_decisions_total{app="shop",process_type="worker",outcome="${name}"}`);
    expect([of('scaled'), of('failed'), of('kept')]).toEqual([2, 1, undefined]);
  });

  test('how long checkups take and how late they come, once per app', async () => {
    const metrics = setting();
    for (const processType of ['worker', 'web']) metrics.heard(checkup({ processType }));
    metrics.heard(checkup({ point: { at: at - 5_000 } }));
    metrics.heard(checkup({ point: { at: at + 9_000 } }));
    const { samples } = parse(await metrics.text());
    expect(samples.get('headcount_checkup_duration_seconds_count')).toBe(3);
    expect(samples.get('headcount_checkup_duration_seconds_bucket{le="0.25"}')).toBe(2);
    // 14 s after the one before, of which 10.5 s are meant.
    expect(samples.get('headcount_checkup_lateness_seconds_sum')).toBeCloseTo(3.5);
  });

  test('what the processes cost, when the platform has told', async () => {
    let asked = 0;
    const prices = async () => {
      asked += 1;
      return { worker: 0.01 };
    };
    const metrics = setting({ prices });
    metrics.heard(checkup());
    await metrics.text();
    expect(parse(await metrics.text()).samples.get(`headcount_cost_per_hour${shop}`)).toBeCloseTo(72);
    expect(asked).toBe(1);
    const broken = setting({ prices: async () => Promise.reject(new Error('no')) });
    broken.heard(checkup());
    await broken.text();
    expect(parse(await broken.text()).samples.has(`headcount_cost_per_hour${shop}`)).toBe(false);
  });

  test('a manager that is gone, or is held by another controller, is told of no more', async () => {
    const held = new Set(['shop', 'blog']);
    const metrics = setting({ holds: (app) => held.has(app) });
    metrics.heard(checkup({ decision: outcome('scaled') }));
    metrics.heard(checkup({ app: 'blog' }));
    expect(parse(await metrics.text()).samples.get('headcount_managers')).toBe(2);
    held.delete('shop');
    const { samples } = parse(await metrics.text());
    expect([...samples.keys()].filter((key) => key.includes('shop'))).toEqual([]);
    expect(samples.get('headcount_managers')).toBe(1);
  });

  test('names of apps are bounded', async () => {
    const metrics = setting();
    for (let index = 0; index < 10_003; index++) metrics.heard(checkup({ app: `app-${index}` }));
    const values = await metrics.values();
    const of = (name: string) => values.find((one) => one.name === name)?.values;
    expect(of('headcount_processes')).toHaveLength(10_000);
    expect(of('headcount_managers_left_out')).toMatchObject([{ value: 3 }]);
  });
});

test('a real controller shows them to Prometheus and to nobody else', async () => {
  const stage = createStage(realClock, { worker: 1 });
  stage.read = async () => [jobs(realClock.now(), 35)];
  const yaml = `metricsToken: a-token-of-prometheus
intervalSeconds: 1
apps:
  shop:
    managers:
      worker: { maximum: 5, meters: [{ use: http-info }], rules: [{ use: queue-size, ratio: 10 }] }
`;
  const controller = await openController('metrics', {
    yaml,
    kinds: { ...shippedKinds, meters: [{ ...stage.meter, use: 'http-info' }] },
  });
  try {
    const get = (key?: string) =>
      fetch(`${controller.url}/metrics`, key ? { headers: { authorization: `Bearer ${key}` } } : {});
    for (const key of [undefined, 'wrong', 'a-token-of-prometheu']) {
      const refused = await get(key);
      expect([refused.status, refused.headers.get('content-type')]).toEqual([
        401,
        'application/problem+json',
      ]);
      expect(await refused.json()).toMatchObject({ code: 'LOGIN_REQUIRED' });
    }
    expect((await get(controller.key)).status).toBe(200);
    const shown = async () => {
      const answer = await get('a-token-of-prometheus');
      expect(answer.headers.get('content-type')).toContain('text/plain; version=0.0.4');
      return parse(await answer.text()).samples;
    };
    await until(
      async () => (await shown()).has(`headcount_waiting_jobs${shop}`),
      'a checkup in /metrics',
      60_000,
    );
    const samples = await shown();
    expect(samples.get(`headcount_waiting_jobs${shop}`)).toBe(35);
    expect(samples.get(`headcount_desired_processes${shop}`)).toBe(4);
    expect(samples.get(`headcount_checkups_total${shop}`)).toBeGreaterThanOrEqual(1);
  } finally {
    await controller.close();
  }
});
