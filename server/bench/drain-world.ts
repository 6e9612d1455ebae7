/** A fleet and a meter for the real controller over virtual dynos; their workers can be spoken with, as Celery's can. */
import type { Process } from '../../decide/words.ts';
import type { MeterKind } from '../../measure/meter.ts';
import type { Workers } from '../../measure/workers.ts';
import type { FleetKind } from '../../scale/fleet.ts';
import type { Clock } from '../clock.ts';
import { type Counts, createDynos, type Dyno, type DynoOptions, type Dynos } from './drain-dynos.ts';

export type { DynoOptions } from './drain-dynos.ts';

export interface DrainWorld {
  readonly fleet: FleetKind;
  readonly meter: MeterKind;
  /** A job that takes so long. */
  publish(seconds: number): void;
  /** Those that answer nothing, as a solo pool at work. */
  readonly silent: Set<string>;
  /** Those that do not even listen, as one that lost its broker. */
  readonly gone: Set<string>;
  readonly count: Counts;
  /** `worker.3 2 quiet`: name, jobs, and whether it takes none. */
  look(): string[];
  /** Seconds that those that live have lived, summed. */
  living(): number;
}

export const likeHeroku: DynoOptions = { leaving: 'highest', bootMs: 5_000, graceMs: 30_000, slots: 1 };

export function drainWorld(clock: Clock, options: DynoOptions = likeHeroku): DrainWorld {
  const dynos = createDynos(clock, options);
  const silent = new Set<string>();
  const gone = new Set<string>();
  const workers = workersOf(dynos, silent, gone);
  const processes = (): Process[] => dynos.list.map(({ name, state, since }) => ({ name, state, since }));
  const about = { use: 'virtual', title: 'Virtual', help: 'Moves with a virtual clock.', options: [] };
  return {
    silent,
    gone,
    count: dynos.count,
    publish: dynos.publish,
    look: () => dynos.list.map(({ name, jobs, quiet }) => `${name} ${jobs}${quiet ? ' quiet' : ''}`),
    living: () => dynos.list.reduce((sum, { bornAt }) => sum + (clock.now() - bornAt) / 1000, 0),
    fleet: {
      ...about,
      create: async () => ({
        name: 'virtual',
        leaving: options.leaving,
        count: async () => ({ worker: processes() }),
        scaleTo: async ({ worker = 0 }, _signal, first = []) => dynos.scaleTo(worker, first),
      }),
    },
    meter: {
      ...about,
      create: () => ({
        name: 'virtual',
        read: async () => [
          {
            kind: 'jobs',
            queue: 'celery',
            at: clock.now(),
            waiting: dynos.queue.length,
            running: dynos.list.reduce((sum, { jobs }) => sum + jobs, 0),
            finishedTotal: dynos.count.finished,
          },
        ],
        workers,
      }),
    },
  };
}

function workersOf(dynos: Dynos, silent: ReadonlySet<string>, gone: ReadonlySet<string>): Workers {
  const hears = ({ name }: Dyno): boolean => !silent.has(name) && !gone.has(name);
  const named = (nodes: readonly { readonly node: string }[]): Dyno[] =>
    dynos.list.filter((dyno) => hears(dyno) && nodes.some(({ node }) => node === dyno.node));
  return {
    queue: 'celery',
    ask: async () => {
      const there = dynos.list.filter(({ name, state }) => state !== 'starting' && !gone.has(name));
      const nodes = there
        .filter(({ name }) => !silent.has(name))
        .map(({ node, quiet, jobs }) => ({ node, quiet, jobs, queues: quiet ? [] : ['celery'] }));
      return { nodes, silentCount: there.length - nodes.length };
    },
    quiet: async (nodes) => {
      for (const dyno of named(nodes)) dynos.rest(dyno, true);
    },
    resume: async (nodes) => {
      for (const dyno of named(nodes)) dynos.rest(dyno, false);
    },
  };
}
