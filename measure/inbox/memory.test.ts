import { describe, expect, test } from 'vitest';
import { parseMetrics } from './hirefire.ts';
import { createLease, leaseSeconds, type PlanEntry, planOf } from './lease.ts';
import { type AppInbox, createAppInbox, createInbox } from './memory.ts';

let now = 1_767_225_600_000;
const clock = (): number => now;
const push = (inbox: AppInbox, name: string, metrics: unknown, agent = 'Ruby-2.0.0'): void =>
  inbox.take('hirefire-2', agent, parseMetrics(JSON.stringify([{ name, metrics }]), now)!);
const jobs = (value: number) => ({ jqs: { [Math.floor(now / 1_000)]: value } });

describe('memory', () => {
  test('an app has at most 64 process types; the ones that fell silent make room', () => {
    const inbox = createAppInbox(clock);
    for (let n = 0; n < 70; n++) push(inbox, `type${n}`, jobs(n));
    expect(inbox.names()).toHaveLength(64);
    expect(inbox.dropped()).toEqual({ crowded: 6 });
    now += 120_000;
    push(inbox, 'fresh', jobs(1));
    expect(inbox.names()).toHaveLength(64);
    expect(inbox.newest('fresh', 'jobs', 30)?.value).toBe(1);
    expect(inbox.names()).not.toContain('type0');
  });

  test('names are the same in any case; a gauge sent again changes nothing', () => {
    const inbox = createAppInbox(clock);
    push(inbox, 'Worker', jobs(5));
    push(inbox, 'WORKER', jobs(5));
    expect(inbox.names()).toEqual(['Worker']);
    expect(inbox.newest('worker', 'jobs', 30)).toEqual({ at: now, value: 5 });
  });

  test('apps do not see each other, and are forgotten', () => {
    const inbox = createInbox(clock);
    push(inbox.app('1'), 'worker', jobs(5));
    expect(inbox.app('2').names()).toEqual([]);
    expect(inbox.app('1').names()).toEqual(['worker']);
    inbox.forget('1');
    expect(inbox.app('1').names()).toEqual([]);
  });

  test('a frame is new once, and 512 are remembered', () => {
    const inbox = createAppInbox(clock);
    expect(inbox.isNewFrame('a')).toBe(true);
    expect(inbox.isNewFrame('a')).toBe(false);
    for (let n = 0; n < 512; n++) inbox.isNewFrame(`frame ${n}`);
    expect(inbox.isNewFrame('frame 511')).toBe(false);
    expect(inbox.isNewFrame('a')).toBe(true);
  });

  test('a pushing agent is known for a minute; our own leaves the endpoint to be asked', () => {
    const inbox = createAppInbox(clock);
    expect(inbox.pushingAgent()).toBeUndefined();
    push(inbox, 'web', {}, 'Headcount-0.1.0');
    expect(inbox.pushingAgent()).toBeUndefined();
    inbox.asked('Python-2.0.0\u0007');
    expect(inbox.pushingAgent()).toBe('Python-2.0.0');
    now += 60_001;
    expect(inbox.pushingAgent()).toBeUndefined();
  });
});

describe('lease', () => {
  test('one holds it, keeps it by asking again, and loses it by silence alone', () => {
    const lease = createLease(clock);
    expect(lease.holder()).toBeUndefined();
    expect(lease.ask('one')).toBe(true);
    expect(lease.ask('two')).toBe(false);
    now += leaseSeconds * 1_000 + 900;
    expect(lease.ask('two')).toBe(false);
    expect(lease.ask('one')).toBe(true);
    now += 20_000;
    expect(lease.holder()).toBeUndefined();
    expect(lease.ask('two')).toBe(true);
    expect(lease.ask('one')).toBe(false);
    expect(lease.holder()).toBe('two');
  });

  test('a clock that is set back frees it', () => {
    const lease = createLease(clock);
    lease.ask('one');
    now -= 3_600_000;
    expect(lease.ask('two')).toBe(true);
  });

  test('the plan has each name and strategy once, and stays within what libraries read', () => {
    const worker: PlanEntry = { name: 'worker', strategy: 'jqs' };
    expect(planOf([worker, { ...worker, name: 'WORKER' }, { ...worker, strategy: 'jql' }])).toBe(
      '{"trace":false,"job_queues":[{"name":"WORKER","strategy":"jqs"},{"name":"worker","strategy":"jql"}]}',
    );
    const many = Array.from({ length: 300 }, (_, n) => ({ ...worker, name: `worker${n}` }));
    expect(JSON.parse(planOf(many)).job_queues).toHaveLength(256);
    const queues = Array.from({ length: 100 }, (_, n) => `queue number ${n} of a long name`);
    const large = many.map((entry) => ({ ...entry, adapter: 'celery', queues }));
    const plan = planOf(large);
    expect(Buffer.byteLength(plan)).toBeLessThanOrEqual(16_000);
    expect(JSON.parse(plan).job_queues[0].queues).toHaveLength(64);
    expect(planOf([])).toBe('{"trace":false,"job_queues":[]}');
  });
});
