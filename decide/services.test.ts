import fc from 'fast-check';
import { expect, test } from 'vitest';
import { doneAfter, doneWithin, serviceLaw } from './services.ts';

const seconds = fc.double({ min: 0, max: 1_000, noNaN: true });
const samples = fc.array(seconds, { minLength: 1, maxLength: 60 });

test('a running job is done within u more as often as the jobs of the sample that lasted longer', () => {
  fc.assert(
    fc.property(samples, seconds, fc.double({ min: -10, max: 1_000, noNaN: true }), (sample, elapsed, u) => {
      const law = serviceLaw(sample);
      const alive = sample.filter((each) => each > elapsed);
      const longer = sample.filter((each) => each > elapsed + u);
      const expected = alive.length === 0 ? 0.1 : 1 - longer.length / alive.length;
      expect(doneWithin(law, elapsed, u)).toBe(expected);
    }),
  );
});

test('a law asked for many times answers as if asked for each', () => {
  fc.assert(
    fc.property(samples, fc.option(seconds, { nil: undefined }), fc.array(seconds), (sample, elapsed, us) => {
      const law = serviceLaw(sample);
      const done = doneAfter(law, elapsed);
      for (const u of us) expect(done(u)).toBe(doneWithin(law, elapsed, u));
    }),
  );
});
