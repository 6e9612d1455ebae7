import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseMetrics, parseQueueTimes } from './hirefire.ts';
import { timeMaximumMs } from './pushed.ts';

const now = 1_767_225_600_000;
const second = now / 1_000;

describe('1.x', () => {
  test('every time by itself, with and without spaces', () => {
    for (const body of [
      `{"${second - 1}":[5,9],"${second}":[12]}`,
      `{"${second - 1}": [5, 9], "${second}": [12]}`,
    ])
      expect(parseQueueTimes(body, now)).toMatchObject({
        pushed: [
          { metric: 'queue-time', name: 'web', second: second - 1, count: 1, ms: 5 },
          { metric: 'queue-time', name: 'web', second: second - 1, count: 1, ms: 9 },
          { metric: 'queue-time', name: 'web', second, count: 1, ms: 12 },
        ],
        dropped: {},
      });
  });

  test.each([
    ['older than a minute', `{"${second - 61}":[1,2]}`, { late: 2 }],
    ['from the future', `{"${second + 11}":[1]}`, { early: 1 }],
    ['the t= header that Ruby reads as 0', `{"${second}":[1767225600000,60000.5]}`, { absurd: 2 }],
    ['below zero, no number', `{"${second}":[-1,"5",null,{}]}`, { malformed: 4 }],
    ['a second that is none', '{"now":[1],"-5":[1],"1e9":[1],"__proto__":[1]}', { malformed: 4 }],
    ['no list', `{"${second}":5}`, { malformed: 1 }],
  ])('drops and counts: %s', (_name, body, dropped) => {
    expect(parseQueueTimes(body, now)).toMatchObject({ pushed: [], dropped });
  });

  test('one broken value does not take the others along', () => {
    const parsed = parseQueueTimes(`{"${second}":[-1,60000,99999999]}`, now);
    expect(parsed?.pushed).toHaveLength(1);
    expect(parsed?.dropped).toEqual({ malformed: 1, absurd: 1 });
  });

  test.each(['', 'null', '[]', '"x"', '{', '<html>', '{"1":NaN}'])('is no push at all: %s', (body) => {
    expect(parseQueueTimes(body, now)).toBeUndefined();
  });
});

describe('2.0', () => {
  const of = (entries: unknown) => parseMetrics(JSON.stringify(entries), now);

  test('all strategies', () => {
    const metrics = {
      rqt: { [second]: [25.0, 1], [second - 1]: [] },
      cpu: { [second]: 37.5 },
      jqs: { [second]: 42 },
      jql: { [second]: 3.2 },
      wrk: { [second]: 4 },
    };
    expect(of([{ name: 'web', metrics, sample_trace: {} }])?.pushed).toEqual(
      expect.arrayContaining([
        { metric: 'queue-time', name: 'web', second, count: 1, ms: 25 },
        { metric: 'queue-time', name: 'web', second: second - 1, count: 0 },
        { metric: 'cpu', name: 'web', second, value: 37.5 },
        { metric: 'jobs', name: 'web', second, value: 42 },
        { metric: 'latency', name: 'web', second, value: 3.2 },
        { metric: 'working', name: 'web', second, value: 4 },
      ]),
    );
  });

  test('the draft form', () => {
    const draft = [
      { name: 'web', samples: { [second]: [12, 8], [second - 1]: [] } },
      { name: 'worker', sample: 42 },
    ];
    expect(of(draft)?.pushed).toEqual([
      { metric: 'queue-time', name: 'web', second: second - 1, count: 0 },
      { metric: 'queue-time', name: 'web', second, count: 1, ms: 12 },
      { metric: 'queue-time', name: 'web', second, count: 1, ms: 8 },
      { metric: 'sample', name: 'worker', second, value: 42 },
    ]);
  });

  test.each([
    ['a mean without a count', { rqt: { [second]: [25] } }, { malformed: 1 }],
    ['three numbers', { rqt: { [second]: [25, 1, 1] } }, { malformed: 1 }],
    ['half a request', { rqt: { [second]: [25, 0.5] } }, { malformed: 1 }],
    ['fewer than none', { rqt: { [second]: [25, -1] } }, { malformed: 1 }],
    ['over a minute', { rqt: { [second]: [60_001, 1] } }, { absurd: 1 }],
    ['more requests than can be', { rqt: { [second]: [1, 1e9] } }, { absurd: 1 }],
    ['jobs below zero', { jqs: { [second]: -1 } }, { malformed: 1 }],
    ['null jobs', { jqs: { [second]: null } }, { malformed: 1 }],
    ['jobs past counting', { jqs: { [second]: 1e16 } }, { absurd: 1 }],
    ['more than all of a CPU', { cpu: { [second]: 101 } }, { absurd: 1 }],
    ['too old', { jqs: { [second - 61]: 1 } }, { late: 1 }],
    ['a strategy that nobody knows', { xyz: { [second]: 1 } }, { malformed: 1 }],
    ['metrics that are none', 5, { malformed: 1 }],
  ])('drops and counts: %s', (_name, metrics, dropped) => {
    expect(of([{ name: 'worker', metrics }])).toMatchObject({ pushed: [], dropped });
  });

  test('a name is a text of at most 128 bytes', () => {
    const names = ['', 5, null, 'ä'.repeat(65), undefined];
    expect(of(names.map((name) => ({ name, sample: 1 })))).toMatchObject({
      pushed: [],
      dropped: { malformed: 5 },
    });
    expect(of([{ name: 'ä'.repeat(64), sample: 1 }])?.pushed).toHaveLength(1);
  });

  test('entries beyond 512 and seconds beyond 120 are left out', () => {
    expect(of(Array(520).fill({ name: 'a', sample: 1 }))).toMatchObject({ dropped: { crowded: 8 } });
    const jqs = Object.fromEntries(Array.from({ length: 130 }, (_, ago) => [second - ago, 1]));
    expect(of([{ name: 'a', metrics: { jqs } }])?.dropped.crowded).toBe(10);
  });
});

test('whatever is pushed, only sound numbers come out', () => {
  const body = fc.oneof(
    fc.json(),
    fc.jsonValue().map((v) => JSON.stringify({ [second]: v })),
  );
  const entry = fc.record({
    name: fc.string(),
    metrics: fc.dictionary(
      fc.constantFrom('rqt', 'jqs', 'cpu'),
      fc.dictionary(fc.constantFrom(String(second), '5', 'x'), fc.jsonValue()),
    ),
  });
  const check = (text: string): void => {
    for (const parsed of [parseQueueTimes(text, now), parseMetrics(text, now)])
      for (const one of parsed?.pushed ?? []) {
        const numbers = 'count' in one ? [one.count, one.ms ?? 0] : [one.value];
        for (const number of numbers) expect(number).toBeGreaterThanOrEqual(0);
        if ('count' in one) expect(one.ms ?? 0).toBeLessThanOrEqual(timeMaximumMs);
        expect(one.second).toBeGreaterThanOrEqual(second - 60);
      }
  };
  fc.assert(fc.property(body, check));
  fc.assert(fc.property(fc.array(entry), (entries) => check(JSON.stringify(entries))));
});
