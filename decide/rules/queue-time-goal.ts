/**
 * Web processes by how long requests wait for one: the least number with which so many per cent of them find a free slot within
 * the goal.
 *
 * The load is what comes per second times how long a request occupies a slot; Erlang's formula (erlang.ts) says how many slots
 * keep the promise for it. What a meter does not tell is taken from elsewhere, the first that is there:
 *
 *   service time  given -> response times less the waits -> the busy share of the slots -> the waits themselves
 *   slots         given -> learned -> a process counts as one, and the waits tell how much it can do
 *
 * Where requests wait longer than the formula says, the waits are believed and not the formula: the service time is then the one that
 * explains them. Without arrivals the busy share alone decides, as a target to be kept.
 *
 * A threshold pair ("above 100 ms one more, below 50 ms one fewer") was rejected as the default: it needs several minutes
 * for a load that doubles, and finds out by trial what the formula knows (docs/simulate.md has both).
 */
import { crewOf } from '../crew.ts';
import { processesForRandom, serviceFrom, slotsFor } from '../erlang.ts';
import { busyCount, currentCount } from '../formation.ts';
import type { RuleKind } from '../kinds.ts';
import type { OptionSpec, Options } from '../options.ts';
import { busyShare, type Traffic, trafficOf, type Waits, waitsSince } from '../traffic.ts';
import { duration, number } from '../wording.ts';
import type { Refusal, View, Wanted } from '../words.ts';

const options: readonly OptionSpec[] = [
  {
    name: 'goalMs',
    label: 'Requests wait at most',
    help: 'How long a request may wait for a free process or thread; not how long the answer takes.',
    type: 'number',
    unit: 'ms',
    minimum: 1,
    maximum: 60_000,
    default: 100,
  },
  {
    name: 'percentile',
    label: 'For so many of them',
    help: '95: one of twenty may wait longer. 99 costs about a slot or two more.',
    type: 'number',
    unit: '%',
    minimum: 50,
    maximum: 99.9,
    default: 95,
  },
  {
    name: 'slotsPerProcess',
    label: 'Requests at a time per process',
    help: 'Threads times workers of the web server; without it the waits tell what a process can do.',
    type: 'number',
    minimum: 1,
    maximum: 10_000,
    optional: true,
  },
  {
    name: 'serviceMs',
    label: 'Time per request',
    help: 'Mean milliseconds that a request occupies a slot; without it, it is measured.',
    type: 'number',
    unit: 'ms',
    minimum: 0.1,
    maximum: 600_000,
    optional: true,
  },
  {
    name: 'waitInResponse',
    label: 'Response times hold the wait',
    help: "Yes for those of Heroku's router; no for those that the app takes itself.",
    type: 'boolean',
    default: true,
  },
  {
    name: 'routing',
    label: 'Routing',
    help: 'shared: a balancer that knows who is free. random: one that does not, as Heroku; it needs more processes.',
    type: 'text',
    choices: ['shared', 'random'],
    default: 'shared',
  },
  {
    name: 'bootSeconds',
    label: 'Boot time',
    help: 'Seconds from the start of a process to its first request; without it, it is learned.',
    type: 'number',
    unit: 's',
    minimum: 0,
    maximum: 3_600,
    optional: true,
  },
  {
    name: 'busyPercent',
    label: 'Busy at most',
    help: 'Processes are added above this share of CPU or of busy slots, whatever the waits are.',
    type: 'number',
    unit: '%',
    minimum: 10,
    maximum: 100,
    default: 80,
  },
  {
    name: 'cores',
    label: 'Cores per process',
    help: 'What a load average is compared with; without it load averages are not looked at.',
    type: 'number',
    minimum: 0.05,
    maximum: 256,
    optional: true,
  },
  {
    name: 'windowSeconds',
    label: 'Window of the meters',
    help: 'How far back the meters look, so that what is new can be told from what is old.',
    type: 'number',
    unit: 's',
    minimum: 10,
    maximum: 300,
    default: 60,
  },
  {
    name: 'least',
    label: 'At least',
    help: 'With no process nobody is served, and nobody is seen to come.',
    type: 'number',
    unit: 'processes',
    minimum: 0,
    maximum: 10_000,
    default: 1,
  },
];

export const queueTimeGoal: RuleKind = {
  use: 'queue-time-goal',
  title: 'Queue time goal',
  help: 'Web requests wait at most this long for a process, with as few processes as that takes.',
  options,
  create: (given) => {
    const terms = termsOf(given);
    return { want: (view) => want(terms, view) };
  },
};

interface Terms {
  readonly goalSeconds: number;
  /** Of the requests that may wait longer. */
  readonly lateShare: number;
  readonly slotsPerProcess?: number;
  readonly serviceSeconds?: number;
  readonly waitInResponse: boolean;
  readonly random: boolean;
  readonly bootSeconds?: number;
  readonly mostBusy: number;
  readonly cores?: number;
  readonly windowSeconds: number;
  readonly least: number;
}

function termsOf(given: Options): Terms {
  const { slotsPerProcess, serviceMs, bootSeconds, cores } = given;
  return {
    goalSeconds: Number(given.goalMs) / 1000,
    lateShare: 1 - Number(given.percentile) / 100,
    ...(slotsPerProcess !== undefined && { slotsPerProcess: Math.floor(Number(slotsPerProcess)) }),
    ...(serviceMs !== undefined && { serviceSeconds: Number(serviceMs) / 1000 }),
    waitInResponse: given.waitInResponse !== false,
    random: given.routing === 'random',
    ...(bootSeconds !== undefined && { bootSeconds: Number(bootSeconds) }),
    mostBusy: Number(given.busyPercent) / 100,
    ...(cores !== undefined && { cores: Number(cores) }),
    windowSeconds: Number(given.windowSeconds ?? 60),
    least: Math.floor(Number(given.least)),
  };
}

function want(terms: Terms, view: View): Wanted | Refusal {
  const boot = terms.bootSeconds ?? view.learned.bootSeconds.value + (view.learned.bootSpread?.value ?? 0);
  const traffic = trafficOf(view, {
    horizonSeconds: boot + periodSeconds,
    keepSeconds: Math.max(60, 2 * boot),
    windowSeconds: terms.windowSeconds,
  });
  const busy = busyShare(view.samples.at(-1), terms.cores);
  if (!traffic && busy === undefined)
    return { unknown: 'no meter gave requests or the load of the processes' };
  const byRequests = traffic && fromRequests(terms, view, traffic, busy, boot);
  const byLoad = fromLoad(terms, view, busy);
  const proposals = [byRequests, byLoad].flatMap((each) => (each && 'count' in each ? [each] : []));
  const [first, ...rest] = proposals.toSorted((a, b) => b.count - a.count);
  if (!first)
    return byRequests && 'unknown' in byRequests ? byRequests : { unknown: 'nothing tells the load' };
  const staying = Math.min(currentCount(view.processes), busyCount(view));
  const least = Math.max(terms.least, staying);
  const reason = [first, ...rest].map((each) => each.reason).join('; ');
  if (first.count >= least) return { count: first.count, reason };
  const why =
    staying > terms.least ? `${number(staying)} are busy and stay` : `at least ${number(terms.least)}`;
  return { count: least, reason: `${reason}; ${why}` };
}

/** Until the next look, and until what has gathered is gone. */
const periodSeconds = 10;

function fromRequests(
  terms: Terms,
  view: View,
  traffic: Traffic,
  busy: number | undefined,
  boot: number,
): Wanted | Refusal {
  if (traffic.planned <= 0) return { count: 0, reason: 'no requests come' };
  const { up } = crewOf(view, boot, 0);
  const slots = terms.slotsPerProcess ?? learnedSlots(view);
  const service = serviceOf(terms, traffic, busy, up, slots);
  const told = explained(terms, view, traffic, slots ?? 1);
  if (told.kind === 'unsettled' && (!service || !slots))
    return { count: currentCount(view.processes), reason: `${inFlow(traffic)}; ${told.why}` };
  if (told.kind === 'explained' && (!service || !slots || told.broken))
    return byErlang(terms, traffic, { ...told, slots: slots ?? 1, spread: 1 }, view);
  if (service) return byErlang(terms, traffic, { ...service, slots: slots ?? 1 }, view);
  // Where there is none nothing can be timed: one finds out.
  if (currentCount(view.processes) === 0)
    return { count: 1, reason: `${inFlow(traffic)}; how long one takes is not known yet` };
  return { unknown: 'requests are counted, and nothing tells how long one takes or how long it waited' };
}

function learnedSlots({ learned: { concurrency } }: View): number | undefined {
  return concurrency.observations > 0 ? Math.max(1, Math.round(concurrency.value)) : undefined;
}

/** What is inferred from a rate near zero may be anything; no request takes longer than this. */
const longestSeconds = 3_600;

interface Service {
  readonly seconds: number;
  readonly spread: number;
  /** Where the time comes from. */
  readonly from: string;
}

function serviceOf(
  { serviceSeconds, waitInResponse }: Terms,
  { response, meanWaitSeconds = 0, perSecond }: Traffic,
  busy: number | undefined,
  up: number,
  slots: number | undefined,
): Service | undefined {
  const spread = response ? Math.min(5, Math.max(1, (1 + response.variation ** 2) / 2)) : 1;
  if (serviceSeconds !== undefined) return { seconds: serviceSeconds, spread, from: 'as given' };
  if (response) {
    // Longer waits than answers cannot be part of them.
    const waited = waitInResponse && meanWaitSeconds < response.seconds ? meanWaitSeconds : 0;
    return {
      seconds: Math.min(longestSeconds, Math.max(0.001, response.seconds - waited)),
      spread,
      from: 'by the response times',
    };
  }
  if (busy !== undefined && busy > 0 && perSecond > 0 && up > 0)
    return {
      seconds: Math.min(longestSeconds, (Math.min(1, busy) * up * (slots ?? 1)) / perSecond),
      spread,
      from: 'by how busy they are',
    };
  return undefined;
}

type Explained =
  | { readonly kind: 'explained'; readonly seconds: number; readonly from: string; readonly broken: boolean }
  | { readonly kind: 'unsettled'; readonly why: string }
  | { readonly kind: 'untold' };

/** The meters look back for about a minute: half of it must have passed since the last process came or went. */
const settledMs = 30_000;

/** The service time that explains how many waited too long, with those who were up meanwhile. */
function explained(terms: Terms, view: View, { perSecond }: Traffic, slots: number): Explained {
  const newest = view.samples.at(-1)?.at ?? 0;
  const up = view.processes.filter(({ state }) => state === 'up');
  const changed = view.decisions.findLast(({ at, current, desired }) => at <= newest && current !== desired);
  const since = Math.max(0, changed?.at ?? 0, ...up.map((each) => each.since)) + settledMs;
  const moving = view.processes.some(({ state }) => state === 'starting' || state === 'stopping');
  const waits = waitsSince(view.samples, Math.min(since, newest), terms.goalSeconds * 1000);
  if (!waits || up.length === 0 || perSecond <= 0) return { kind: 'untold' };
  if (moving || since > newest) return { kind: 'unsettled', why: 'what the last change did is not seen yet' };
  if (waits.requests < fewRequests) return { kind: 'unsettled', why: 'too few to judge by' };
  const share = shareOf(waits);
  const inferred = serviceFrom(perSecond, up.length * slots, terms.goalSeconds, share);
  if (inferred === undefined) return { kind: 'untold' };
  const seconds = Math.min(longestSeconds, inferred);
  return {
    kind: 'explained',
    seconds,
    from: 'by how long they wait',
    broken: waits.late > terms.lateShare * waits.requests,
  };
}

const fewRequests = 10;

/** Of few requests none may be late by luck: half a late one is added, and half that was not. */
function shareOf({ requests, late }: Waits): number {
  return Math.min(0.95, (late + 0.5) / (requests + 1));
}

function byErlang(
  terms: Terms,
  traffic: Traffic,
  service: Service & { readonly slots: number },
  { processes }: View,
): Wanted {
  const { goalSeconds, lateShare, random } = terms;
  const { seconds: serviceSeconds, spread, slots, from } = service;
  // Those that wait already have to be served beside those that come. Where waits grow, the last ones are twice the mean.
  const gathered = (traffic.perSecond * 2 * (traffic.meanWaitSeconds ?? 0)) / periodSeconds;
  const load = (traffic.planned + gathered) * serviceSeconds;
  const line = { load, slots, serviceSeconds, spread };
  const count = random
    ? processesForRandom(line, goalSeconds, lateShare)
    : Math.ceil(slotsFor(line, goalSeconds, lateShare) / slots);
  const each = slots > 1 ? ` of ${number(slots)} slots` : '';
  const kept = `${number(100 * (1 - lateShare))} % wait at most ${duration(goalSeconds)}`;
  const now = currentCount(processes);
  const promise =
    count === 0
      ? 'none is needed'
      : `with ${number(count)}${each} ${kept}${count === now ? '' : `, now there are ${number(now)}`}`;
  return {
    count,
    reason: `${inFlow(traffic)} of ${duration(serviceSeconds)} ${from} keep ${number(load)} busy; ${promise}`,
  };
}

function inFlow({ perSecond, planned }: Traffic): string {
  const plan = planned > perSecond * 1.02 ? ` (planned for ${number(planned)})` : '';
  return `${number(perSecond)} requests/s${plan}`;
}

/** So many that each is busy by the target at most. Small differences move nothing, or a count would swing between two. */
function fromLoad({ mostBusy }: Terms, view: View, busy: number | undefined): Wanted | undefined {
  const { up } = crewOf(view, 0, 0);
  if (busy === undefined || up === 0) return undefined;
  const current = currentCount(view.processes);
  const needed = Math.ceil((up * busy) / mostBusy - 1e-9);
  const count =
    needed < current && up * busy > (current - 1) * mostBusy * 0.9 ? Math.min(current, up) : needed;
  return {
    count,
    reason: `${number(up)} are ${number(100 * busy)} % busy of at most ${number(100 * mostBusy)} %`,
  };
}
