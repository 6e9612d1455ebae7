/** What a manager has learned, at its largest, comes back from the store as it was: gaps in its hours, every digit, and a forecast from it. */
import { expect, test } from 'vitest';
import { forecastAt } from '../decide/forecast.ts';
import { defaultLearned, learn } from '../decide/learn.ts';
import type { Learned, Sample } from '../decide/words.ts';
import { newManager, onEachStore } from './contract.ts';

const start = Date.UTC(2026, 10, 2);
const days = 15;
const stepMs = 60_000;

/** Fifteen days of checkups each minute, with a night of which nothing is known. */
function taught(): Learned {
  let learned: Learned = {
    ...defaultLearned,
    bootSpread: { value: 0.123_456_789, observations: 3 },
    trust: -0.1 / 3,
  };
  let before: Sample | undefined;
  let total = 0;
  for (let at = start; at < start + days * 86_400_000; at += stepMs) {
    const hour = Math.floor((at - start) / 3_600_000);
    if (hour >= 100 && hour < 104) continue;
    const jobs = 3 + (hour % 24) * 7 + (at % 7);
    total += jobs;
    const finishedSeconds = [[0.1 + (total % 997) / 7, 1] as const];
    const sample: Sample = {
      at,
      readings: [
        {
          kind: 'jobs',
          queue: 'catalogue',
          at,
          waiting: 0,
          running: 1,
          startedTotal: total,
          finishedTotal: total,
          busySecondsTotal: total / 3,
          // On the last day only: a sample of single jobs is what takes the time.
          ...(hour >= 24 * (days - 1) && { recent: { since: at - stepMs, finishedSeconds } }),
        },
      ],
    };
    if (before)
      learned = learn(learned, { samples: [before, sample], processes: [], decisions: [], learned }, at);
    before = sample;
  }
  return learned;
}

const learned = taught();

test('at its largest it is small', () => {
  expect(learned.arrivals?.hours).toHaveLength(14 * 24);
  expect(learned.arrivals?.hours).toContain(null);
  expect(learned.arrivals?.minutes).toHaveLength(180);
  expect(learned.services?.seconds).toHaveLength(400);
  expect(JSON.stringify(learned.arrivals).length).toBeLessThan(5_000);
  expect(JSON.stringify(learned).length).toBeLessThan(8_000);
});

onEachStore((store) => {
  test('what was learned comes back as it was', async () => {
    const manager = await newManager(store());
    const changed = await store().managers.update(manager.id, { learned });
    expect(changed.learned).toEqual(learned);
    const found = await store().managers.get(manager.appId, manager.processType);
    expect(found?.learned).toEqual(learned);
    const next = forecastAt(found?.learned.arrivals, start + days * 86_400_000);
    expect(next).toEqual(forecastAt(learned.arrivals, start + days * 86_400_000));
    expect(next.perSecond).toBeGreaterThan(0);
  });
});
