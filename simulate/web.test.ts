/** Web processes: requests wait for a slot for milliseconds, and readings are the means of a minute. */
import { expect, test } from 'vitest';
import { generate } from './generate.ts';
import { defaultWorld, type PolicyKind, type WorldOptions } from './policy.ts';
import { headcountWeb, headcountWebWaits, webThreshold } from './replay.ts';
import type { Trace } from './traces.ts';
import { runWorld } from './world.ts';

const web: WorldOptions = {
  ...defaultWorld,
  slots: 5,
  bootSeconds: 20,
  periodSeconds: 10,
  goalSeconds: 0.1,
  minimum: 1,
  maximum: 60,
};
const law = { meanSeconds: 0.08, variation: 1 };

function play(kind: PolicyKind, trace: Trace) {
  return runWorld(trace, kind.create(kind.settings, web), web).score();
}

test.each([headcountWeb, headcountWebWaits])('$name keeps its share of a load that rises slowly', (kind) => {
  const trace = generate('ramp', { hours: 1, perSecond: 80, law });
  const score = play(kind, trace);
  expect(score.undone).toBe(0);
  expect(score.killed).toBe(0);
  expect(score.lateShare).toBeLessThan(0.05);
  // Room for one process more than Erlang's formula needs, and for what is planned ahead.
  expect((score.costSeconds * web.slots) / score.workSeconds).toBeLessThan(kind === headcountWeb ? 3 : 4);
});

test('on a load that comes and goes it is late less often than two thresholds, and costs less', () => {
  const trace = generate('onoff', { hours: 0.7, perSecond: 40, law });
  const [ours, theirs] = [play(headcountWeb, trace), play(webThreshold, trace)];
  expect(ours.lateShare).toBeLessThan(theirs.lateShare);
  expect(ours.costSeconds).toBeLessThan(theirs.costSeconds);
  expect(ours.scaleCalls).toBeLessThan(theirs.scaleCalls);
});
