import { expect, test } from 'vitest';
import { generate, generators } from './generate.ts';
import { createLedger } from './ledger.ts';
import { sorted, workSeconds } from './traces.ts';

test.each(generators.filter((name) => name !== 'weekly'))(
  '%s is in order, seeded, and of the asked service time',
  (name) => {
    const trace = generate(name, { hours: 4, seed: 7 });
    expect(trace.arrivals.every((at, place) => place === 0 || at >= (trace.arrivals[place - 1] ?? 0))).toBe(
      true,
    );
    expect(generate(name, { hours: 4, seed: 7 })).toEqual(trace);
    expect(generate(name, { hours: 4, seed: 8 })).not.toEqual(trace);
    expect(workSeconds(trace) / trace.arrivals.length).toBeCloseTo(2, 0);
  },
);

test('rates are as asked', () => {
  const rate = (name: string, hours: number) =>
    generate(name, { hours, perSecond: 3 }).arrivals.length / hours / 3_600;
  expect(rate('poisson', 6)).toBeCloseTo(3, 0);
  expect(rate('onoff', 6)).toBeCloseTo(3, 0);
  expect(rate('diurnal', 24)).toBeCloseTo(3, 0);
  expect(rate('ramp', 4)).toBeCloseTo(6, 0);
});

test('there is no generator of another name', () => {
  expect(() => generate('poison')).toThrow('no generator "poison"');
});

test('the ledger counts late jobs, undone ones by their age, and bills a minimum where there is one', () => {
  const trace = sorted('two', Float64Array.of(0, 10), Float64Array.of(5, 5));
  const ledger = createLedger(trace, 30);
  ledger.started();
  ledger.left(0, 40);
  ledger.finished(0, 31);
  ledger.undone(1, 45);
  expect(ledger.score()).toMatchObject({
    jobs: 2,
    costSeconds: 40,
    workSeconds: 10,
    lateShare: 1,
    undone: 1,
    longest: 35,
  });
  expect(ledger.score({ minimumSeconds: 60 }).costSeconds).toBe(60);
});
