import { expect, test } from 'vitest';
import { defaultLearned } from '../decide/learn.ts';
import { decision, newManager, onEachStore, point, told } from './contract.ts';
import { hourMs } from './folds.ts';

const start = 40_000 * 24 * hourMs;

onEachStore((store) => {
  test('many managers are remembered at once, each its own past', async () => {
    const managers = await Promise.all(Array.from({ length: 12 }, () => newManager(store())));
    const [one, other] = managers;
    if (!one || !other) throw new Error('no managers');
    const now = start + 2 * hourMs;
    const readings = [{ kind: 'jobs' as const, queue: 'q', at: 1, waiting: 3 }];
    for (const at of [start, now - 120_000, now - 60_000])
      await store().readings.record(one.id, { ...point(at), current: 2 }, readings);
    await store().readings.record(other.id, point(now - 30_000), []);
    const record = (at: number, outcome: 'scaled' | 'failed') =>
      store().decisions.record({ ...decision(at), ...told, outcome, managerId: one.id });
    await record(start, 'scaled');
    await record(now - 50_000, 'scaled');
    await record(now - 40_000, 'failed');
    const draft = { severity: 'critical' as const, title: 't', text: 'x', since: 1, openedAt: 2, seenAt: 3 };
    await store().issues.open(one.id, { ...draft, kind: 'refused' });
    await store().issues.open(one.id, { ...draft, kind: 'late' });
    await store().issues.resolve(one.id, 'late', 9);
    const span = {
      samplesFrom: now - 100_000,
      decisionsFrom: now - hourMs,
      usedFrom: start,
      until: now,
    };
    const pasts = await Promise.all(managers.map(({ id }) => store().history.recall(id, span)));
    expect(pasts[0]?.samples).toEqual([{ at: now - 60_000, readings }]);
    expect(pasts[0]?.decisions).toEqual([
      { ...decision(now - 50_000), outcome: 'scaled' },
      { ...decision(now - 40_000), outcome: 'failed' },
    ]);
    expect(pasts[0]?.openIssues.map(({ kind }) => kind)).toEqual(['refused']);
    // Two hours of two processes; an hour that was watched in part counts in whole.
    expect(pasts[0]?.used).toEqual({ from: start, until: now, processSeconds: 4 * 3_600 });
    expect(pasts[1]?.samples).toEqual([{ at: now - 30_000, readings: [] }]);
    expect(pasts[1]?.used?.from).toBe(start + hourMs);
    for (const past of pasts.slice(2)) expect(past).toEqual({ samples: [], decisions: [], openIssues: [] });
    const unknown = { samples: [], decisions: [], openIssues: [] };
    expect(await store().history.recall('nobody', span)).toEqual(unknown);
  });

  test('what many have learned is written at once, the last word of each, and nothing for who is gone', async () => {
    const [one, other] = [await newManager(store()), await newManager(store())];
    const learned = (trust: number) => ({ ...defaultLearned, trust });
    await store().history.keepLearned([]);
    await store().history.keepLearned([
      { managerId: one.id, learned: learned(0.1) },
      { managerId: other.id, learned: learned(0.2) },
      { managerId: '999999', learned: learned(0.3) },
      { managerId: one.id, learned: learned(1 / 3) },
    ]);
    expect((await store().managers.get(one.appId, one.processType))?.learned).toEqual(learned(1 / 3));
    expect((await store().managers.get(other.appId, other.processType))?.learned).toEqual(learned(0.2));
  });
});
