/** A stage for the controller's tests: a clock that only the test moves, a fleet and a meter that do what they are told. */
import type { JobsReading, Process, Reading } from '../decide/words.ts';
import type { MeterKind } from '../measure/meter.ts';
import type { Workers } from '../measure/workers.ts';
import type { FleetKind } from '../scale/fleet.ts';
import { type MovingClock, movingClock } from '../server/bench/moving-clock.ts';
import type { Clock } from '../server/clock.ts';

export type VirtualClock = MovingClock;
export const virtualClock = movingClock;

/** The state that the staged fleet and meter share with the test. */
export interface Stage {
  /** Processes by type, as the platform has them. */
  formation: Record<string, number>;
  /** What every read answers; a function may also never settle. */
  read: (signal: AbortSignal) => Promise<Reading[]>;
  /** Thrown by the next calls while it is set. */
  countError?: Error;
  scaleError?: Error;
  openError?: Error;
  readonly scaled: Record<string, number>[];
  openedCount: number;
  closedCount: number;
  /** What the fleet has to say. */
  warnings: readonly string[];
  /** Set before an app is added: the workers that its meter reaches; then the highest numbers go first. */
  workers?: Workers;
  countingNow: number;
  mostCountingAtOnce: number;
  readonly fleet: FleetKind;
  readonly meter: MeterKind;
}

export function createStage(clock: Clock, formation: Record<string, number> = { worker: 0 }): Stage {
  const processes = (type: string, count: number): Process[] =>
    Array.from({ length: count }, (_, index) => ({
      name: `${type}.${index + 1}`,
      state: 'up' as const,
      since: clock.now() - 60_000,
    }));
  const stage: Stage = {
    formation,
    read: async () => [jobs(clock.now(), 0)],
    scaled: [],
    warnings: [],
    openedCount: 0,
    closedCount: 0,
    countingNow: 0,
    mostCountingAtOnce: 0,
    fleet: {
      use: 'staged',
      title: 'Staged',
      help: 'A fleet of a test.',
      options: [{ name: 'key', label: 'Key', help: 'A secret.', type: 'text', optional: true, secret: true }],
      create: async () => {
        if (stage.openError) throw stage.openError;
        stage.openedCount += 1;
        return {
          name: 'staged',
          ...(stage.workers && { leaving: 'highest' }),
          warnings: () => stage.warnings,
          count: async () => {
            stage.countingNow += 1;
            stage.mostCountingAtOnce = Math.max(stage.mostCountingAtOnce, stage.countingNow);
            await Promise.resolve();
            stage.countingNow -= 1;
            if (stage.countError) throw stage.countError;
            return Object.fromEntries(
              Object.entries(stage.formation).map(([type, count]) => [type, processes(type, count)]),
            );
          },
          scaleTo: async (desired) => {
            stage.scaled.push({ ...desired });
            if (stage.scaleError) throw stage.scaleError;
            Object.assign(stage.formation, desired);
          },
          close: async () => {
            stage.closedCount += 1;
          },
        };
      },
    },
    meter: {
      use: 'staged',
      title: 'Staged',
      help: 'A meter of a test.',
      options: [
        { name: 'queue', label: 'Queue', help: 'A name.', type: 'text', default: 'celery' },
        {
          name: 'password',
          label: 'Password',
          help: 'A secret.',
          type: 'text',
          optional: true,
          secret: true,
        },
      ],
      create: () => ({
        name: 'staged',
        read: (signal) => stage.read(signal),
        ...(stage.workers && { workers: stage.workers }),
      }),
    },
  };
  return stage;
}

export function jobs(at: number, waiting: number, more: Partial<JobsReading> = {}): JobsReading {
  return { kind: 'jobs', queue: 'celery', at, waiting, ...more };
}
