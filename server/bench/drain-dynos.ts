/**
 * Dynos on a virtual clock that work on jobs: they boot, take jobs one by one from a queue, and when one too many is there the
 * highest number (or the one that is named) gets SIGTERM, finishes what it can within the grace time, and is killed with
 * what it still works on.
 */
import { numberOf } from '../../decide/leaving.ts';
import type { Leaving } from '../../decide/words.ts';
import type { Clock } from '../clock.ts';

export interface Counts {
  finished: number;
  /** Jobs that a process had in hand when it was killed. */
  killed: number;
  scaleIns: number;
  scaleCalls: number;
  processSeconds: number;
}

export interface DynoOptions {
  readonly leaving: Leaving;
  readonly bootMs: number;
  readonly graceMs: number;
  /** Jobs at a time per process. */
  readonly slots: number;
}

export interface Dyno {
  readonly name: string;
  /** Of its worker. */
  readonly node: string;
  readonly bornAt: number;
  state: 'starting' | 'up' | 'stopping';
  since: number;
  jobs: number;
  quiet: boolean;
}

export interface Dynos {
  readonly list: readonly Dyno[];
  readonly count: Counts;
  /** Jobs that wait, by the seconds that they take. */
  readonly queue: number[];
  publish(seconds: number): void;
  rest(dyno: Dyno, quiet: boolean): void;
  scaleTo(wanted: number, first: readonly string[]): void;
}

export function createDynos(clock: Clock, options: DynoOptions): Dynos {
  const list: Dyno[] = [];
  const queue: number[] = [];
  const count: Counts = { finished: 0, killed: 0, scaleIns: 0, scaleCalls: 0, processSeconds: 0 };
  const end = (dyno: Dyno): void => {
    list.splice(list.indexOf(dyno), 1);
    count.processSeconds += (clock.now() - dyno.bornAt) / 1000;
  };
  const work = (dyno: Dyno): void => {
    while (dyno.state === 'up' && !dyno.quiet && dyno.jobs < options.slots && queue.length > 0) {
      dyno.jobs += 1;
      clock.after((queue.shift() ?? 0) * 1000, () => done(dyno));
    }
  };
  const done = (dyno: Dyno): void => {
    if (!list.includes(dyno)) return;
    dyno.jobs -= 1;
    count.finished += 1;
    if (dyno.state === 'stopping' && dyno.jobs === 0) end(dyno);
    else work(dyno);
  };
  const hire = (): void => {
    const dyno = newDyno(list, clock.now());
    list.push(dyno);
    clock.after(options.bootMs, () => {
      if (dyno.state !== 'starting') return;
      enter(dyno, 'up', clock);
      work(dyno);
    });
  };
  const fire = (dyno: Dyno): void => {
    enter(dyno, 'stopping', clock);
    if (dyno.jobs === 0) end(dyno);
    else endLater(dyno);
  };
  const endLater = (dyno: Dyno): void => {
    clock.after(options.graceMs, () => {
      if (!list.includes(dyno)) return;
      count.killed += dyno.jobs;
      end(dyno);
    });
  };
  return {
    list,
    count,
    queue,
    publish(seconds) {
      queue.push(seconds);
      for (const dyno of list) work(dyno);
    },
    rest(dyno, quiet) {
      dyno.quiet = quiet;
      work(dyno);
    },
    scaleTo(wanted, first) {
      const staying = list.filter(({ state }) => state !== 'stopping');
      count.scaleCalls += 1;
      if (wanted < staying.length) count.scaleIns += 1;
      const order = inOrder(staying, options.leaving === 'named' ? first : []);
      for (const dyno of order.slice(0, Math.max(0, staying.length - wanted))) fire(dyno);
      for (let missing = wanted - staying.length; missing > 0; missing--) hire();
    },
  };
}

let born = 0;

function newDyno(others: readonly Dyno[], since: number): Dyno {
  let number = 1;
  while (others.some(({ name }) => name === `worker.${number}`)) number += 1;
  const name = `worker.${number}`;
  const state = 'starting';
  return { name, node: `${name}@host${++born}`, bornAt: since, state, since, jobs: 0, quiet: false };
}

function enter(dyno: Dyno, state: Dyno['state'], clock: Clock): void {
  dyno.state = state;
  dyno.since = clock.now();
}

function inOrder(dynos: readonly Dyno[], first: readonly string[]): Dyno[] {
  const rank = ({ name }: Dyno): number => (first.includes(name) ? first.indexOf(name) : first.length);
  return dynos.toSorted((a, b) => rank(a) - rank(b) || numberOf(b.name) - numberOf(a.name));
}
