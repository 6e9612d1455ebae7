/** The words of the agent and of the controller are the same: what one says the other understands. The compiler checks most of it. */
import { expect, expectTypeOf, test } from 'vitest';
import type * as words from '../decide/words.ts';
import type * as measure from '../measure/meter.ts';
import { type AnyMeter, createAgent, type JobCounts, type Meter, type Reading } from './index.ts';
import { countOf } from './reading.ts';

test('a meter of the agent is one of the controller, and the other way round', () => {
  expectTypeOf<Reading>().toExtend<words.Reading>();
  expectTypeOf<Meter>().toExtend<measure.Meter>();
  expectTypeOf<measure.Meter>().toExtend<AnyMeter>();
  expectTypeOf<words.JobsReading>().toExtend<JobCounts>();
});

test('a meter of the controller serves in the app', async () => {
  const meter: measure.Meter = {
    name: 'two queues',
    read: async () => [
      { kind: 'jobs', queue: 'a', at: 1, waiting: 3, running: 1, oldestSeconds: 4 },
      { kind: 'jobs', queue: 'b', at: 1, waiting: 2, running: 2, oldestSeconds: 9, later: 5 },
    ],
  };
  const agent = createAgent({ token: 't', env: {}, processTypes: { worker: meter } });
  const headers = { 'headcount-detail': 'jobs' };
  const answer = await agent.handle({ method: 'GET', url: '/hirefire/t/info', headers });
  expect(answer?.body).toBe('[{"name":"worker","value":8,"waiting":5,"running":3,"oldestSeconds":9}]');
});

test.each([
  [
    'one queue is unknown',
    [
      { kind: 'jobs', waiting: 1 },
      { kind: 'unknown', why: 'the broker is down' },
    ],
    'the broker is down',
  ],
  ['no reading', [], 'the meter read no jobs'],
  ['requests', [{ kind: 'requests' }], 'the meter read no jobs'],
  ['a negative count', { waiting: -1 }, 'waiting is -1'],
  ['a text', { waiting: 1, running: '2' }, 'running is string'],
  ['not a number', Number.NaN, 'the meter answered NaN'],
  ['nothing', undefined, 'the meter answered undefined'],
])('%s cannot be told', (_name, answer, why) => {
  expect(() => countOf(answer)).toThrow(why);
});
