/**
 * One checkup of one app, and the only place where measure, decide and scale meet:
 *
 *   count the fleet, read all meters (in parallel) -> learn, decide per manager -> drain -> one scaleTo for all -> record, tell
 *
 * Nothing here throws: a meter that fails is an unknown reading, a fleet that cannot be counted makes deciding impossible
 * and leaves everything as it is, a refused scale call is kept in `Retry` and tried again at later checkups, further
 * and further apart. When checkups come is the business of rounds.ts. Keeping the app's processes in a state machine of
 * our own was rejected: what the fleet counts is the truth, so a number that a person changed there is simply seen.
 */
import { decide } from '../decide/decide.ts';
import { explain } from '../decide/explain.ts';
import { learn } from '../decide/learn.ts';
import type { Decision, Formation, Learned, Reading, Sample, View } from '../decide/words.ts';
import type { Meter } from '../measure/meter.ts';
import type { Fleet } from '../scale/fleet.ts';
import type { StoredDecision } from '../store/store.ts';
import type { CheckupEvent } from './api.ts';
import { attend } from './attend.ts';
import { claim, retract } from './claim.ts';
import { withDeadline, wordsOf } from './clock.ts';
import { drainFirst, leavingFor, releaseAll, withSeen } from './drain.ts';
import { addSample, addUse } from './memory.ts';
import { type Journal, note } from './note.ts';
import type { Surroundings, Watched, WatchedManager } from './watched.ts';

export const limitsMs = { read: 10_000, count: 10_000, scale: 30_000 };
const longestBackoffMs = 5 * 60_000;

/** How an app's scale calls went; lives as long as the app is watched. */
export interface Retry {
  failures: number;
  notBefore: number;
  error?: string;
}

export interface Judged {
  readonly manager: WatchedManager;
  readonly sample: Sample;
  readonly learned: Learned;
  /** Absent: the fleet could not be counted, so there is nothing to decide from. */
  readonly decision?: Decision;
  /** What it was decided from. */
  readonly view?: View;
  /** Who is to go first, where the number falls. */
  readonly first?: readonly string[];
  /** Why something was unknown. */
  readonly why?: string;
}

export interface Outcome {
  readonly outcome: StoredDecision['outcome'];
  readonly error?: string;
  /** False while waiting to try a refused call again, and where another controller may hold the app. */
  readonly tried: boolean;
  /** It is on record already. */
  readonly recorded?: StoredDecision;
}

export async function checkUp(
  around: Surroundings,
  watched: Watched,
  retry: Retry,
  journal: Journal,
  signal: AbortSignal,
): Promise<CheckupEvent[]> {
  const measured = await measure(around, watched, watched.managers, signal);
  if (signal.aborted) return [];
  const verdicts = measured.samples.map(({ manager, sample }) => {
    addSample(manager.memory, sample);
    const processes = measured.formation?.[manager.stored.processType];
    if (processes) {
      addUse(manager.memory, processes.length, around.clock.now());
      manager.memory.processes = { at: sample.at, list: processes };
    }
    const verdict = judge(watched, manager, sample, manager.memory.samples, measured, around.clock.now());
    manager.memory.learned = verdict.learned;
    return verdict;
  });
  const settled = await Promise.all(verdicts.map((verdict) => drained(around, watched, verdict, signal)));
  if (signal.aborted) return [];
  const judged = journal.lost ? settled.map((one) => neverFewer(one, around.clock.now())) : settled;
  const outcomes = await scale(around, watched, judged, retry, journal, signal);
  const events = judged.map(async (verdict, index) => {
    const outcome = outcomes[index] ?? { outcome: 'kept', tried: false };
    const event = await note(around, watched.app, journal, verdict, outcome);
    const processes = measured.formation?.[verdict.manager.stored.processType];
    await attend(around, watched.app, journal, verdict, outcome, processes);
    return event;
  });
  return (await Promise.all(events)).flatMap((event) => event ?? []);
}

/** Measures and decides as a checkup would, and changes, records and remembers nothing. */
export async function evaluate(
  around: Surroundings,
  watched: Watched,
  manager: WatchedManager,
): Promise<Judged> {
  const measured = await measure(around, watched, [manager], undefined);
  const sample = measured.samples[0]?.sample ?? { at: around.clock.now(), readings: [] };
  const samples = [...manager.memory.samples, sample];
  return judge(watched, manager, sample, samples, measured, around.clock.now());
}

interface Measured {
  readonly formation: Formation | undefined;
  readonly whyUncounted?: string;
  readonly samples: readonly { readonly manager: WatchedManager; readonly sample: Sample }[];
}

async function measure(
  around: Surroundings,
  watched: Watched,
  managers: readonly WatchedManager[],
  signal: AbortSignal | undefined,
): Promise<Measured> {
  const at = around.clock.now();
  const [counted, ...readings] = await Promise.all([
    count(around, watched.fleet, signal),
    ...managers.map(({ meters }) =>
      Promise.all(meters.map((meter) => read(around, meter, signal))).then((lists) => lists.flat()),
    ),
  ]);
  const samples = managers.map((manager, index) => ({
    manager,
    sample: { at, readings: readings[index] ?? [] },
  }));
  return { ...counted, samples };
}

async function count(
  { clock }: Surroundings,
  fleet: Watched['fleet'],
  signal: AbortSignal | undefined,
): Promise<Omit<Measured, 'samples'>> {
  if ('problem' in fleet)
    return { formation: undefined, whyUncounted: `the fleet cannot be opened: ${wordsOf(fleet.problem)}` };
  try {
    return { formation: await withDeadline(clock, limitsMs.count, signal, (inner) => fleet.count(inner)) };
  } catch (error) {
    return { formation: undefined, whyUncounted: `the fleet could not be counted: ${wordsOf(error)}` };
  }
}

async function read(
  { clock }: Surroundings,
  meter: Meter | { readonly problem: string },
  signal: AbortSignal | undefined,
): Promise<Reading[]> {
  if ('problem' in meter) return [{ kind: 'unknown', at: clock.now(), why: meter.problem }];
  try {
    return await withDeadline(clock, limitsMs.read, signal, (inner) => meter.read(inner));
  } catch (error) {
    return [{ kind: 'unknown', at: clock.now(), why: `meter "${meter.name}": ${wordsOf(error)}` }];
  }
}

function judge(
  { app, fleet }: Watched,
  manager: WatchedManager,
  sample: Sample,
  samples: readonly Sample[],
  { formation, whyUncounted }: Measured,
  now: number,
): Judged {
  const { stored, memory } = manager;
  // A dry run takes any name and has heard of none before the first order.
  const processes = formation?.[stored.processType] ?? (app.fleet.use === 'dry-run' ? [] : undefined);
  if (!formation || !processes) {
    const known = Object.keys(formation ?? {}).join(', ') || 'none';
    const why = whyUncounted ?? `the fleet has no process type "${stored.processType}"; it has ${known}`;
    return { manager, sample, learned: memory.learned, why };
  }
  const { decisions, used } = memory;
  const leaving = 'problem' in fleet ? undefined : leavingFor(fleet, manager, processes);
  const seen: View = {
    samples,
    processes: withSeen(processes, manager.drains),
    decisions,
    learned: memory.learned,
    ...(used && { used }),
    ...(leaving && { leaving }),
  };
  const learned = learn(memory.learned, seen, now, stored);
  const view = { ...seen, learned };
  const decision = decide(stored, view, now);
  const why = decision.unknown ? whyUnknown(sample, decision) : undefined;
  return { manager, sample, learned, decision, view, ...(why && { why }) };
}

/** Who is to go is told, and what they say is decided from once more. */
async function drained(
  around: Surroundings,
  { app, fleet }: Watched,
  verdict: Judged,
  signal: AbortSignal,
): Promise<Judged> {
  const { manager, decision, view } = verdict;
  if (!decision || !view || 'problem' in fleet || signal.aborted) return verdict;
  if (manager.stored.dryRun) {
    await releaseAll({ around, manager, drains: manager.drains }, signal);
    return verdict;
  }
  if (around.team && !around.team.tenure.permit(app.id)) return verdict;
  const scene = { around, fleet, manager, drains: manager.drains, view, signal };
  return { ...verdict, ...(await drainFirst(scene, decision)) };
}

function whyUnknown(sample: Sample, decision: Decision): string {
  const whys = sample.readings.flatMap((reading) => (reading.kind === 'unknown' ? [reading.why] : []));
  return whys.join('; ') || decision.reasons.map(({ text }) => text).join('; ') || 'a rule could not tell';
}

/**
 * What is not written down is forgotten by a restart; then, as with anything unknown, the count never falls, but to the
 * maximum or to what a person holds.
 */
function neverFewer(judged: Judged, now: number): Judged {
  const { decision, manager } = judged;
  const { maximum, hold } = manager.stored;
  if (!decision || (hold && now < (hold.until ?? Number.POSITIVE_INFINITY))) return judged;
  const { desired, current, reasons } = decision;
  const to = Math.min(current, Math.max(desired, maximum));
  if (to <= desired) return judged;
  const reason = {
    by: 'store',
    from: desired,
    to,
    text: 'the store does not answer, so the count does not fall',
  };
  return { ...judged, decision: { ...decision, desired: to, reasons: [...reasons, reason] } };
}

/** One call for all process types whose number changes. Answers one outcome per judged manager, in their order. */
async function scale(
  around: Surroundings,
  watched: Watched,
  judged: readonly Judged[],
  retry: Retry,
  journal: Journal,
  signal: AbortSignal,
): Promise<Outcome[]> {
  const wished = judged.filter(
    ({ manager, decision }) => decision && !manager.stored.paused && decision.desired !== decision.current,
  );
  const changes = wished.filter(({ manager }) => !manager.stored.dryRun);
  const unchanged = (verdict: Judged): Outcome =>
    wished.includes(verdict) ? { outcome: 'dry-run', tried: true } : { outcome: 'kept', tried: true };
  if (changes.length === 0 || 'problem' in watched.fleet) return judged.map(unchanged);
  const { recorded, ...outcome } = await claimed(
    around,
    watched,
    watched.fleet,
    changes,
    retry,
    journal,
    signal,
  );
  return judged.map((verdict) => {
    if (!changes.includes(verdict)) return unchanged(verdict);
    const own = recorded?.find(({ managerId }) => managerId === verdict.manager.stored.id);
    return { ...outcome, ...(own && { recorded: own }) };
  });
}

interface Carried extends Omit<Outcome, 'recorded'> {
  readonly recorded?: readonly StoredDecision[];
}

/** Carried out only where nobody else may decide about the app; there the decision is on record before. */
async function claimed(
  around: Surroundings,
  watched: Watched,
  fleet: Fleet,
  changes: readonly Judged[],
  retry: Retry,
  journal: Journal,
  signal: AbortSignal,
): Promise<Carried> {
  const waitMs = retry.notBefore - around.clock.now();
  if (waitMs > 0)
    return {
      outcome: 'failed',
      error: `${retry.error}; next try in ${Math.ceil(waitMs / 1000)} s`,
      tried: false,
    };
  const claimed = await claim(around, watched.app, journal, changes);
  if (!claimed.may) {
    around.log.warn({ app: watched.app.name }, `not carried out: ${claimed.why}`);
    return { outcome: 'kept', tried: false };
  }
  const until = claimed.signal ? AbortSignal.any([signal, claimed.signal]) : signal;
  const outcome = await scaleTo(around, watched, fleet, changes, retry, until);
  if (claimed.recorded.length === 0) return outcome;
  const { error } = outcome;
  if (error === undefined) return { ...outcome, recorded: claimed.recorded };
  return { ...outcome, recorded: await retract(around, watched.app, claimed.recorded, error) };
}

async function scaleTo(
  { clock, log }: Surroundings,
  { app }: Watched,
  fleet: Fleet,
  changes: readonly Judged[],
  retry: Retry,
  signal: AbortSignal,
): Promise<Omit<Carried, 'recorded'>> {
  const desired = Object.fromEntries(
    changes.map(({ manager, decision }) => [manager.stored.processType, decision?.desired ?? 0]),
  );
  try {
    const first = changes.flatMap((verdict) => verdict.first ?? []);
    await withDeadline(clock, limitsMs.scale, signal, (inner) => fleet.scaleTo(desired, inner, first));
    retry.failures = 0;
    retry.notBefore = 0;
    const why = changes.flatMap(({ manager, decision }) =>
      decision ? [explain(decision, manager.stored.processType)] : [],
    );
    log.info({ app: app.name, desired }, `scaled: ${why.join('. ')}`);
    return { outcome: app.fleet.use === 'dry-run' ? 'dry-run' : 'scaled', tried: true };
  } catch (error) {
    retry.failures += 1;
    retry.notBefore = clock.now() + Math.min(longestBackoffMs, 2_000 * 2 ** retry.failures);
    retry.error = wordsOf(error);
    log.error({ app: app.name, desired, failures: retry.failures }, `scaling failed: ${retry.error}`);
    return { outcome: 'failed', error: retry.error, tried: true };
  }
}
