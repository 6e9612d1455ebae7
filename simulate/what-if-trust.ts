/**
 * How far the answer to a what-if can be trusted, in sentences and one word. The surest sign is what was recorded itself: played
 * under the settings of now, the same work should come to about the processes that really ran, unless the settings were others then.
 */
import type { Manager } from '../decide/words.ts';
import { balanceOf, burstsOf, type Stretch, usualStepMs } from './recorded.ts';
import { unplayed } from './what-if-play.ts';

export interface Service {
  readonly meanSeconds: number;
  readonly from: 'set' | 'learned';
  readonly observations: number;
  /** Single times that were seen; empty: only the mean is known. */
  readonly sample: readonly number[];
}

/** What really was, in the time that was played. */
export interface Recorded {
  readonly processHours: number;
  readonly mostProcesses: number;
  /** Absent: nobody told. */
  readonly longestSeconds?: number;
}

export type Trust = 'good' | 'fair' | 'poor';

interface Given {
  readonly asked: Readonly<Record<'present' | 'changed', Pick<Manager, 'limits'>>> & {
    readonly goalsSeconds: readonly number[];
  };
  readonly service: Service;
  readonly stretches: readonly Stretch[];
  readonly recorded: Recorded;
  readonly presentHours: number;
  readonly knownSeconds: number;
  readonly playedSeconds: number;
}

interface Sign {
  readonly text: string;
  /** Absent: it takes no trust. */
  readonly atMost?: Trust;
}

const fewObservations = 50;
/** Steady loads come to a hundredth by chance, uploads on top of one to a fifth. */
const mostAtOnce = 0.1;
const negligibleShare = 0.1;
const unsetGoalSeconds = 60;

export function trustOf(given: Given): { trust: Trust; notes: string[] } {
  const signs = [
    inferred(given),
    timed(given),
    guessed(given),
    leftOut(given),
    unpaid(given),
    atOnce(given),
    restarted(given),
    cut(given),
    compared(given),
  ];
  const told = signs.flatMap((sign) => sign ?? []);
  const worst = told.reduce((least, { atMost = 'good' }) => Math.max(least, order.indexOf(atMost)), 0);
  return { trust: order[worst] ?? 'poor', notes: told.map(({ text }) => text) };
}

const order: readonly Trust[] = ['good', 'fair', 'poor'];

export function recordedOf(stretches: readonly Stretch[]): Recorded {
  let [seconds, most] = [0, 0];
  let longest: number | undefined;
  for (const stretch of stretches)
    stretch.forEach(({ at, current, oldestSeconds }, place) => {
      const next = stretch[place + 1];
      if (next) seconds += (current * (next.at - at)) / 1000;
      most = Math.max(most, current);
      if (oldestSeconds !== undefined) longest = Math.max(longest ?? 0, oldestSeconds);
    });
  return {
    processHours: seconds / 3_600,
    mostProcesses: Math.ceil(most),
    ...(longest !== undefined && { longestSeconds: longest }),
  };
}

function inferred({ stretches }: Given): Sign {
  const points = stretches.reduce((sum, { length }) => sum + length, 0);
  const stepSeconds = Math.round(Math.max(...stretches.map(usualStepMs)) / 1000);
  return {
    text: `When jobs came is inferred from ${points.toLocaleString('en')} readings, up to ${stepSeconds} s apart: from what waited and ran more or less than before, and from what the running processes can have finished. Bursts shorter than that look flatter than they were.`,
  };
}

function timed({ service: { meanSeconds, from, observations, sample } }: Given): Sign {
  const mean = `A job is taken to last ${short(meanSeconds)} s in the mean`;
  const source =
    from === 'set' ? 'as the rule says' : `as learned from ${observations.toLocaleString('en')} observations`;
  const law = sample.length > 0 ? 'spread as the jobs that were seen' : 'how much jobs differ is not known';
  return {
    text: `${mean}, ${source}; ${law}.`,
    ...(from === 'learned' && observations < fewObservations && { atMost: 'fair' as const }),
  };
}

function guessed({ stretches }: Given): Sign | undefined {
  const points = stretches.flat();
  const share = points.filter((point) => point.guessed).length / Math.max(1, points.length);
  if (share === 0) return undefined;
  return {
    text: `For ${percent(share)} of the readings nobody told what ran: processes were taken for busy while jobs waited, and for idle while none did.`,
    atMost: share > 0.1 ? 'poor' : 'fair',
  };
}

function leftOut({ asked }: Given): Sign | undefined {
  const limits = [...asked.present.limits, ...asked.changed.limits];
  if (!limits.some(({ use }) => use === unplayed)) return undefined;
  return { text: 'The budget is left out: what was spent by then is not recorded.', atMost: 'fair' };
}

function unpaid({ stretches, service }: Given): Sign | undefined {
  const balances = stretches.map((stretch) => balanceOf(stretch, service.meanSeconds));
  const finished = balances.reduce((sum, balance) => sum + balance.finished, 0);
  const lost = balances.reduce((sum, balance) => sum + balance.unpaid, 0);
  if (lost <= 0.05 * Math.max(20, finished)) return undefined;
  return {
    text: `${Math.round(lost).toLocaleString('en')} jobs vanished faster than the running processes can have finished them: the time per job and the readings do not agree.`,
    atMost: 'poor',
  };
}

/** A job that came at the start of an interval or at its end waited longer or shorter by all of it: nothing, beside a long goal. */
function atOnce({ stretches, service, asked: { goalsSeconds } }: Given): Sign | undefined {
  const goal = goalsSeconds.length > 0 ? Math.min(...goalsSeconds) : unsetGoalSeconds;
  const bursts = stretches.map((stretch) => burstsOf(stretch, service.meanSeconds, goal * negligibleShare));
  const arrived = bursts.reduce((sum, burst) => sum + burst.arrived, 0);
  const share = bursts.reduce((sum, burst) => sum + burst.atOnce, 0) / Math.max(1, arrived);
  if (share <= mostAtOnce) return undefined;
  const within = Math.round(Math.max(...bursts.map(({ withinSeconds }) => withinSeconds)));
  return {
    text: `${percent(share)} of the jobs came many at once, between two readings up to ${within} s apart: at which moment is not known, and how many of them waited too long hangs on it.`,
    atMost: 'fair',
  };
}

function restarted({ stretches }: Given): Sign | undefined {
  if (stretches.length < 2) return undefined;
  return {
    text: `It was played in ${stretches.length} stretches, a day long at most and cut where readings were unknown for longer; each begins as it was recorded. What is unknown is in no figure.`,
  };
}

function cut({ knownSeconds, playedSeconds }: Given): Sign | undefined {
  if (playedSeconds >= knownSeconds - 1) return undefined;
  return {
    text: `Of ${hours(knownSeconds)} of readings the newest ${hours(playedSeconds)} were played: for more there was no time.`,
  };
}

function compared({ recorded, presentHours }: Given): Sign {
  const [was, is] = [recorded.processHours, presentHours];
  const off = Math.abs(is - was) / Math.max(was, 0.5);
  const words = `Played under the present settings it comes to ${short(is)} process hours; ${short(was)} were recorded`;
  if (off <= 0.15) return { text: `${words}.` };
  return {
    text: `${words}: either the settings were others then, or the estimate is off. Compare the two columns rather than their figures.`,
    atMost: off <= 0.5 ? 'fair' : 'poor',
  };
}

function short(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en', { maximumFractionDigits: 3 });
}

function percent(share: number): string {
  return `${Math.max(1, Math.round(share * 100))} %`;
}

function hours(seconds: number): string {
  return `${short(seconds / 3_600)} h`;
}
