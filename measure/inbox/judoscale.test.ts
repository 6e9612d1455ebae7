import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseReport } from './judoscale.ts';
import { createAppInbox } from './memory.ts';
import type { Parsed } from './pushed.ts';

const now = 1_767_225_600_000;
const second = now / 1_000;

const report = (metrics: unknown[], container = 'web.1'): Parsed | undefined =>
  parseReport(
    JSON.stringify({
      container,
      pid: 7,
      adapters: { 'judoscale-express': { adapter_version: '2.3.5', runtime_version: '5.3.0' } },
      config: {},
      metrics,
    }),
    now,
  );

test('requests, jobs and utilisation, each under its name', () => {
  const metrics = [
    [second - 1, 12, 'qt', null],
    [second, 340, 'at', null],
    [second, 3, 'nt', null],
    [second, 40, 'up', null],
    [second, 7, 'qd', 'default'],
    [second, 2, 'busy', 'default'],
    [second, 1_500, 'qt', 'default'],
  ];
  expect(report(metrics)).toEqual({
    pushed: [
      { metric: 'queue-time', name: 'web', second: second - 1, count: 1, ms: 12 },
      { metric: 'service-time', name: 'web', second, count: 1, ms: 340 },
      { metric: 'utilisation', name: 'web', second, value: 40 },
      { metric: 'jobs', name: 'queue:default', second, value: 7 },
      { metric: 'working', name: 'queue:default', second, value: 2 },
      { metric: 'latency', name: 'queue:default', second, value: 1.5 },
      { metric: 'alive', name: 'web', second, value: 1 },
    ],
    dropped: {},
    agent: 'judoscale-express-2.3.5',
  });
});

test.each([
  ['web.1', 'web'],
  ['web-12', 'web'],
  ['api_v2.3', 'web'],
  ['admin.3', 'admin'],
  ['srv-abc-x9f2', 'web'],
  ['', 'web'],
])('the container %j is of %s', (container, name) => {
  expect(report([[second, 1, 'up', null]], container)?.pushed[0]).toMatchObject({ name });
});

test('a worker says nothing about requests', () => {
  expect(report([[second, 7, 'qd', 'default']], 'worker.1')?.pushed).toHaveLength(1);
  expect(report([], 'web.1')?.pushed).toEqual([]);
});

test.each([
  ['an age of weeks is of a job', [[second, 2e9, 'qt', 'slow']], {}],
  ['a queue time over a minute', [[second, 60_001, 'qt', null]], { absurd: 1 }],
  ['a header in nanoseconds, as Node once read it', [[second, null, 'qt', null]], { malformed: 1 }],
  ['below zero', [[second, -1, 'qd', 'a']], { malformed: 1 }],
  ['old', [[second - 61, 1, 'qd', 'a']], { late: 1 }],
  ['from the future', [[second + 11, 1, 'qd', 'a']], { early: 1 }],
  ['no metric', [5, null, {}, []], { malformed: 4 }],
  ['a name that is too long', [[second, 1, 'qd', 'q'.repeat(200)]], { malformed: 1 }],
  [
    'one that a later adapter may have',
    [
      [second, 1, 'xyz', null],
      [second, 1, '__proto__', null],
    ],
    {},
  ],
])('drops and counts: %s', (_, metrics, dropped) => {
  expect(report(metrics)).toMatchObject({ dropped });
});

test.each(['', '[]', 'null', '{', '{"metrics":5}', '<html>'])('is no report at all: %s', (body) => {
  expect(parseReport(body, now)).toBeUndefined();
});

test('whatever is sent, only sound numbers come out', () => {
  const any = fc.tuple(
    fc.oneof(fc.constant(second), fc.anything()),
    fc.oneof(fc.double(), fc.anything()),
    fc.constantFrom('qt', 'at', 'up', 'qd', 'busy', 5, '__proto__'),
    fc.oneof(fc.constant(null), fc.string()),
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(any, fc.jsonValue())), fc.string(), (metrics, container) => {
      for (const one of report(JSON.parse(JSON.stringify(metrics)), container)?.pushed ?? []) {
        const number = 'count' in one ? (one.ms ?? 0) : one.value;
        expect(Number.isFinite(number) && number >= 0).toBe(true);
        expect(one.second).toBeGreaterThanOrEqual(second - 60);
      }
    }),
  );
});

describe('in the inbox', () => {
  let at = now;
  const inbox = createAppInbox(() => at);
  const take = (metrics: [number, string, string | null][], container = 'web.1'): void => {
    const body = { container, adapters: {}, metrics: metrics.map((metric) => [at / 1_000, ...metric]) };
    const parsed = parseReport(JSON.stringify(body), at);
    if (parsed) inbox.take('judoscale', parsed.agent, parsed);
  };

  test('a quiet web process has no requests, a silent one is unknown', () => {
    expect(inbox.requests('web', 'queue-time', 60)).toEqual({ seen: false });
    take([
      [10, 'qt', null],
      [30, 'qt', null],
      [50, 'up', null],
    ]);
    expect(inbox.requests('web', 'queue-time', 60)).toMatchObject({ seen: true, count: 2, seconds: 10 });
    expect(inbox.requests('web', 'service-time', 60)).toEqual({ seen: false });
    at += 20_000;
    take([[0, 'up', null]]);
    expect(inbox.requests('web', 'queue-time', 10)).toMatchObject({ seen: true, count: 0, seconds: 10 });
    expect(inbox.mean('web', 'utilisation', 60)).toBe(25);
    at += 31_000;
    take([[3, 'qd', 'default']], 'worker.1');
    expect(inbox.requests('web', 'queue-time', 60)).toMatchObject({ seen: false, dialect: 'judoscale' });
    expect(inbox.newest('queue:default', 'jobs', 30)?.value).toBe(3);
  });
});
