import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { workersOf } from './celery-control.ts';
import { readingOf, type Seen } from './celery-count.ts';
import { parseHeld, parseMessage } from './celery-message.ts';

const at = 1_000_000_000_000;
const leadsHere = (exchange: string, key: string): boolean => exchange === '' && key === 'celery';
const nothing: Seen = {
  queue: 'celery',
  at,
  snapshot: { lists: [], heldTotal: 0, heldRead: 0, held: [], leased: [] },
  workers: [],
  leadsHere,
};

const message = fc.record(
  {
    id: fc.string({ minLength: 1, maxLength: 3 }),
    dueAt: fc.integer({ min: at - 1_000_000, max: at + 1_000_000 }),
    waitsSince: fc.integer({ min: at - 1_000_000, max: at + 1_000 }),
  },
  { requiredKeys: [] },
);
const held = fc
  .tuple(message, fc.constantFrom('celery', 'another'))
  .map(([one, routingKey]) => ({ ...one, exchange: '', routingKey }));
const job = fc.record({
  id: fc.string({ minLength: 1, maxLength: 3 }),
  exchange: fc.constant(''),
  routingKey: fc.constantFrom('celery', 'another'),
  acknowledged: fc.boolean(),
});
const worker = fc.record({
  node: fc.string(),
  startedTotal: fc.nat(),
  queues: fc.subarray(['celery', 'another']),
  slots: fc.integer({ min: 1, max: 100 }),
  active: fc.array(job, { maxLength: 8 }),
});
/** All messages read. */
const seen: fc.Arbitrary<Seen> = fc
  .record({
    lists: fc.array(
      fc.array(message, { maxLength: 20 }).map((peeked) => ({ length: peeked.length, peeked })),
      { maxLength: 4 },
    ),
    held: fc.array(held, { maxLength: 20 }),
    workers: fc.option(fc.array(worker, { maxLength: 4 }), { nil: undefined }),
  })
  .map(({ lists, held, workers }) => ({
    ...nothing,
    workers,
    snapshot: { lists, held, heldTotal: held.length, heldRead: held.length, leased: [] },
  }));

describe('one reading', () => {
  test('counts every message of the queue once: it waits, is due later, or runs', () => {
    fc.assert(
      fc.property(seen, (everything) => {
        const reading = readingOf(everything);
        const { lists, held } = everything.snapshot;
        const mine = held.filter((one) => one.routingKey === 'celery').length;
        const all = lists.reduce((sum, list) => sum + list.length, mine);
        const counted = reading.waiting + (reading.later ?? 0);
        expect(counted).toBeLessThanOrEqual(all);
        expect(counted + (reading.running ?? 0) * mine).toBeGreaterThanOrEqual(all);
        expect(reading.estimated).toBeUndefined();
      }),
    );
  });

  test('says nothing about running jobs and slots when a worker was silent', () => {
    fc.assert(
      fc.property(seen, (everything) => {
        const reading = readingOf({ ...everything, workers: undefined });
        expect(reading).not.toHaveProperty('running');
        expect(reading).not.toHaveProperty('slots');
      }),
    );
  });

  test('grows by one when one more is waiting, whatever else there is', () => {
    fc.assert(
      fc.property(seen, (everything) => {
        const lists = [...everything.snapshot.lists, { length: 1, peeked: [{}] }];
        const more = readingOf({ ...everything, snapshot: { ...everything.snapshot, lists } });
        expect(more.waiting).toBe(readingOf(everything).waiting + 1);
        expect(more).not.toHaveProperty('oldestSeconds');
      }),
    );
  });

  test('from a sample is near the truth and says that it is an estimate', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 500 }),
        fc.integer({ min: 2_001, max: 1_000_000 }),
        (mine, total) => {
          const sample = Array.from({ length: 500 }, (_, index) => ({
            exchange: '',
            routingKey: index < mine ? 'celery' : 'another',
          }));
          const snapshot = { lists: [], held: sample, heldRead: 500, heldTotal: total, leased: [] };
          const active = [{ id: 'x', exchange: '', routingKey: 'celery', acknowledged: false }];
          const workers = [{ node: 'a', startedTotal: 0, queues: ['celery'], slots: 1, active }];
          const reading = readingOf({ ...nothing, snapshot, workers });
          expect(reading).toMatchObject({ estimated: true, running: 1, slots: 1, later: 0 });
          expect(reading.waiting).toBe(Math.max(0, Math.round((mine / 500) * total) - 1));
        },
      ),
    );
  });

  test('with a pool that does not tell its size has no slots', () => {
    const workers = [
      { node: 'a', startedTotal: 0, queues: ['celery'], slots: 4, active: [] },
      { node: 'b', startedTotal: 0, queues: ['celery'], active: [] },
    ];
    expect(readingOf({ ...nothing, workers })).not.toHaveProperty('slots');
    expect(readingOf({ ...nothing, workers: workers.slice(0, 1) }).slots).toBe(4);
  });
});

describe('what strangers wrote', () => {
  const junk = fc.oneof(
    fc.string(),
    fc.json(),
    fc.json().map((text) => `[${text},"","celery"]`),
  );

  test('is read without throwing', () => {
    fc.assert(
      fc.property(junk, (text) => {
        expect(parseMessage(text)).toBeTypeOf('object');
        expect(['object', 'undefined']).toContain(typeof parseHeld(text));
      }),
    );
  });

  test.each([
    ['seconds', { properties: { published_at: 1.5 } }, 1_500],
    [
      'ISO 8601 with a zone',
      { headers: { run_at: '2026-01-01T01:00:00.123456+01:00' } },
      Date.UTC(2026, 0, 1, 0, 0, 0, 123),
    ],
    ['ISO 8601 without one', { headers: { published_at: '2026-01-01T00:00:00' } }, Date.UTC(2026, 0, 1)],
    ['nonsense', { headers: { published_at: 'yesterday' } }, undefined],
    ['zero', { properties: { published_at: 0 } }, undefined],
  ])('a time as %s', (_name, fields, expected) => {
    expect(parseMessage(JSON.stringify(fields)).waitsSince).toBe(expected);
  });
});

describe('the answers of workers', () => {
  const answer = (worker: string, question: string, value: unknown): string =>
    JSON.stringify({
      body: Buffer.from(JSON.stringify({ [worker]: value })).toString('base64'),
      headers: { ticket: `a-ticket ${question}` },
    });
  const stats = (slots: unknown): unknown => ({ pool: { 'max-concurrency': slots } });

  test('are put together by name', () => {
    const active = [{ id: '1', delivery_info: { exchange: '', routing_key: 'celery' }, acknowledged: true }];
    const texts = [
      answer('a', 'active', active),
      answer('b', 'stats', stats(2)),
      answer('a', 'active_queues', [{ name: 'celery' }]),
      answer('a', 'stats', { ...(stats(4) as object), total: { one: 3, other: 4 } }),
      answer('b', 'active', []),
      answer('b', 'active_queues', null),
    ];
    expect(workersOf(texts)).toEqual([
      {
        node: 'a',
        startedTotal: 7,
        queues: ['celery'],
        slots: 4,
        active: [{ id: '1', exchange: '', routingKey: 'celery', acknowledged: true }],
      },
      { node: 'b', startedTotal: 0, queues: [], slots: 2, active: [] },
    ]);
  });

  test('that cannot be read make the round incomplete', () => {
    const good = answer('a', 'active', []);
    const error = answer('a', 'active', { error: "No handler for 'active'" });
    for (const bad of [
      error,
      'no JSON',
      '{}',
      answer('a', 'constructor', []),
      JSON.stringify({ headers: {} }),
    ])
      expect(workersOf([good, bad])).toBeUndefined();
  });

  test('without a size of the pool have no slots', () => {
    for (const slots of [undefined, null, 'many', -1])
      expect(workersOf([answer('a', 'stats', stats(slots))])).toEqual([
        { node: 'a', startedTotal: 0, queues: [], active: [] },
      ]);
  });
});
