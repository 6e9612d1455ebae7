/** The figures of a simulation as a table for people and as JSON for programs. */
import type { Optimum } from '../../simulate/optimum.ts';
import { percent, table, times } from '../../simulate/tables.ts';
import { workSeconds } from '../../simulate/traces.ts';
import type { Outcome, Played } from '../simulate.ts';

const head = [
  'policy',
  'late',
  'worker hours',
  'cost/work',
  'cost/optimum',
  'p50',
  'p95',
  'p99',
  'longest',
  'killed',
  'starts',
  'scale calls',
];

export function report(outcome: Outcome): string {
  const { trace, options, played, optimum, notes } = outcome;
  const { goal, boot, slots, maximum } = options;
  const hours = ((trace.arrivals.at(-1) ?? 0) / 3_600).toFixed(1);
  const work = (workSeconds(trace) / 3_600 / slots).toFixed(1);
  return [
    `${trace.name}: ${trace.arrivals.length.toLocaleString('en')} jobs in ${hours} h, ${work} worker hours of work`,
    `goal ${goal} s, boot ${boot} s, ${slots} at a time per worker, at most ${maximum} workers${circumstances(options)}`,
    '',
    table(
      head,
      played.map((one) => rowOf(one, optimum)),
    ),
    ...queueTable(played),
    '',
    ...played.map(
      ({ kind, world }) =>
        `${kind.name}: ${kind.title}; looks every ${world.periodSeconds} s; ${stops[world.victims]}`,
    ),
    ...(optimum ? ['', optimumInWords(optimum)] : []),
    ...(notes.length > 0 ? ['', ...notes] : []),
  ].join('\n');
}

/** "late 0.3 %, 12.3 worker hours, 1.08 x work" */
export function captionOf({ score, world }: Played, optimum?: Optimum): string {
  const ratio = optimum ? `, ${times(score.costSeconds / optimum.upper)} the optimum` : '';
  const killed = score.killed > 0 ? `, ${score.killed.toLocaleString('en')} jobs killed` : '';
  return `${percent(score.lateShare)} late, ${hoursOf(score.costSeconds)} worker hours, ${times((score.costSeconds * world.slots) / score.workSeconds)} the work${ratio}${killed}`;
}

export function asJson({ trace, options, played, optimum, notes }: Outcome): string {
  const { goal, boot, slots, maximum, seed } = options;
  return JSON.stringify(
    {
      trace: {
        name: trace.name,
        jobs: trace.arrivals.length,
        seconds: trace.arrivals.at(-1) ?? 0,
        workSeconds: workSeconds(trace),
      },
      world: { goalSeconds: goal, bootSeconds: boot, slots, maximum, seed },
      ...(optimum && { optimum: { lowerSeconds: optimum.lower, upperSeconds: optimum.upper } }),
      policies: played.map(({ kind, world, score }) => ({
        name: kind.name,
        title: kind.title,
        periodSeconds: world.periodSeconds,
        victims: world.victims,
        settings: kind.settings,
        ...score,
        costOverWork: (score.costSeconds * slots) / score.workSeconds,
        ...(optimum && { costOverOptimum: score.costSeconds / optimum.upper }),
      })),
      notes,
    },
    undefined,
    2,
  );
}

/** What is not as it usually is. */
function circumstances(options: Outcome['options']): string {
  const { bootJitter, readingDelay, missing, refused, billing, apart } = options;
  const said = [
    bootJitter ? `boots differ by ${percent(bootJitter)}` : '',
    readingDelay ? `readings are ${readingDelay} s late` : '',
    missing ? `${percent(missing)} of the readings are lost` : '',
    refused ? `${percent(refused)} of the scale calls are refused` : '',
    billing ? `billed by the ${billing === 60 ? 'minute' : 'hour'}` : '',
    apart ? 'each queue has workers of its own' : '',
  ].filter((text) => text !== '');
  return said.map((text) => `, ${text}`).join('');
}

function queueTable(played: readonly Played[]): string[] {
  const rows = played.flatMap(({ kind, score }) =>
    (score.queues ?? []).map((queue) => [
      kind.name,
      queue.name,
      queue.jobs.toLocaleString('en'),
      percent(queue.lateShare),
      waitOf(queue.p95),
    ]),
  );
  return rows.length > 0 ? ['', table(['policy', 'queue', 'jobs', 'late', 'p95'], rows)] : [];
}

const stops = {
  kill: 'the platform stops the last workers, busy or not',
  suffix: 'only the last worker can be stopped, when it is idle',
  free: 'any idle worker can be stopped',
} as const;

function rowOf({ kind, world, score }: Played, optimum: Optimum | undefined): string[] {
  return [
    kind.name,
    percent(score.lateShare) + (score.undone > 0 ? ` (${score.undone.toLocaleString('en')} undone)` : ''),
    hoursOf(score.costSeconds),
    times((score.costSeconds * world.slots) / score.workSeconds),
    optimum ? times(score.costSeconds / optimum.upper) : '-',
    ...[score.p50, score.p95, score.p99, score.longest].map(waitOf),
    ...[score.killed, score.starts, score.scaleCalls].map((count) => count.toLocaleString('en')),
  ];
}

function optimumInWords({ lower, upper }: Optimum): string {
  return `The optimum, which knows every job beforehand and is never late, costs ${hoursOf(lower)} to ${hoursOf(upper)} worker hours.`;
}

function hoursOf(seconds: number): string {
  const hours = seconds / 3_600;
  return hours < 10 ? hours.toFixed(2) : hours.toFixed(1);
}

function waitOf(seconds: number): string {
  if (seconds > 0 && seconds < 0.9995) return `${Math.round(seconds * 1_000)} ms`;
  return seconds < 1_000 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds).toLocaleString('en')} s`;
}
