/**
 * `npm run bench -- policies [--traces DIR] [--seeds 1,2] [--quick] [--json]`: our decision against the optimum and against the
 * others, on real traces and on generated loads. Tables go to standard output, progress to standard error.
 *
 * Without --traces it takes ../shared/traces where that is, else generated loads only. --quick leaves out the sweeps and
 * traces of more than a million jobs. --json prints one line with the figures at the end.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bulkRuns, bulkTable, decisionTable, frontierTable, speedTable } from './bench-extras.ts';
import { generate } from './generate.ts';
import { optimumOf } from './optimum.ts';
import { rivals } from './policies/registry.ts';
import { headcount, headcountCounts } from './replay.ts';
import { sweeps } from './sweeps.ts';
import { percent, table, times } from './tables.ts';
import { type Course, type Entry, entryOf, play, sweep } from './tournament.ts';
import { defaultLaw, readTrace, type ServiceLaw, type Trace } from './traces.ts';

/** Service times of traces that only count arrivals, where the default of 2 s would make a trivial load. */
const laws: Readonly<Record<string, ServiceLaw>> = { 'nasa-http-14d': { meanSeconds: 5, variation: 1 } };
const usualFolder = join('..', 'shared', 'traces');
const manyJobs = 1_000_000;
/** A share of late jobs says little where one bad minute is a percent of the trace. */
const longHours = 2;

const { values } = parseArgs({
  options: {
    traces: { type: 'string' },
    seeds: { type: 'string', default: '1' },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const figures = await main();
if (values.json) console.log(JSON.stringify(figures));

async function main(): Promise<unknown> {
  const real = await realTraces();
  const made = generatedTraces();
  const headlines = await compare(
    real.length > 0 ? 'traces' : 'generated loads',
    real.length > 0 ? real : made,
  );
  if (real.length > 0) await generated(made);
  const bulk = played('bulk upload', () => bulkRuns());
  show('A bulk upload of 300,000 jobs of 2 s, at most 100 workers', bulkTable(bulk));
  show('One decision', decisionTable());
  show(
    'The simulator',
    played('speed', () => speedTable()),
  );
  show(
    'Cost over work against the 95th percentile of waits',
    frontierTable((real[0] ? real : made).slice(0, 3)),
  );
  const cold = bulk.at(-1);
  return {
    ...headlines,
    bulk: {
      coldOverOptimumSeconds: rounded(cold?.overOptimumSeconds),
      coldCostOverWork: rounded(cold?.costOverWork),
    },
  };
}

/** The tables of one set of traces, and the figures of the last line. */
async function compare(what: string, traces: readonly Trace[]): Promise<Record<string, unknown>> {
  const slack = await coursesOf(traces, 30, 10);
  const ours = [
    played('headcount', () => play(headcount, slack)),
    {
      ...played('suffix', () => play(headcount, slack, { victims: 'suffix' })),
      title: 'Headcount, only the last may go',
    },
    played('counts', () => play(headcountCounts, slack)),
  ];
  const others = rivals.map((kind) => played(kind.name, () => play(kind, slack)));
  show(
    `Goal 30 s, boot 10 s, ${what}: cost over optimum and share of late jobs`,
    traceTable([...ours, ...others]),
  );
  show(`All ${what}, as shipped`, entryTable([...ours, ...others]));
  if (!values.quick) show('One setting for all, at most 1 % late on every trace', sweepTable(slack));
  const tight = await hard(traces, 30, 30);
  const latency = await hard(traces, 5, 10);
  const [free, suffix, counts] = ours;
  return {
    headcount: {
      costOverOptimum: rounded(free?.costOverOptimum),
      worstRatio: rounded(free?.worstRatio),
      worstLate: rounded(free?.worstLate),
      killed: (free?.killed ?? 0) + (suffix?.killed ?? 0),
      undone: free?.undone,
      suffix: brief(suffix),
      counts: brief(counts),
      goal30boot30: brief(tight),
      goal5boot10: brief(latency),
    },
    policies: Object.fromEntries(others.map((entry) => [entry.name, brief(entry)])),
  };
}

/** Where a boot takes most of the goal, or more. The late share is that of the traces that are long enough to learn from. */
async function hard(traces: readonly Trace[], goalSeconds: number, bootSeconds: number): Promise<Entry> {
  const courses = await coursesOf(traces, goalSeconds, bootSeconds);
  const entry = played(`${goalSeconds}/${bootSeconds}`, () => play(headcount, courses, { periodSeconds: 1 }));
  const long = entryOf(
    headcount,
    entry.results.filter(({ hours }) => hours > longHours),
  );
  show(
    `Goal ${goalSeconds} s, boot ${bootSeconds} s, every 1 s (late of all; of traces over ${longHours} h: ${percent(long.worstLate)})`,
    `${traceTable([entry])}\n\n${entryTable([entry])}`,
  );
  return { ...entry, worstLate: long.results.length > 0 ? long.worstLate : entry.worstLate };
}

async function generated(made: readonly Trace[]): Promise<void> {
  const courses = await coursesOf(made, 30, 10);
  const entries = [
    played('headcount', () => play(headcount, courses)),
    played('counts', () => play(headcountCounts, courses)),
  ];
  show('Goal 30 s, boot 10 s, generated loads', `${traceTable(entries)}\n\n${entryTable(entries)}`);
  await hard(made, 30, 30);
  await hard(made, 5, 10);
}

function sweepTable(courses: readonly Course[]): string {
  const quick = courses.filter(({ trace }) => trace.arrivals.length < manyJobs);
  const rows = sweeps.map(({ kind, changes }) => {
    // All settings on the shorter traces first; only what can win is worth the long ones.
    const swept = played(`${kind.name}: ${changes.length} settings`, () => sweep(kind, changes, quick));
    const best = swept?.feasible;
    if (!best)
      return [
        kind.title,
        'none',
        percent(swept?.leastLate.worstLate ?? 1),
        `${times(swept?.leastLate.costOverOptimum ?? 0)} (${swept?.leastLate.setting})`,
      ];
    return [kind.title, times(best.costOverOptimum), percent(best.worstLate), best.setting];
  });
  return table(['policy', 'cost/optimum', 'worst late', 'setting, or the least late one'], rows);
}

async function realTraces(): Promise<Trace[]> {
  const folder = values.traces ?? (existsSync(usualFolder) ? usualFolder : undefined);
  if (folder === undefined) return [];
  const files = readdirSync(folder)
    .filter((file) => /\.csv(\.gz)?$/.test(file))
    .sort();
  const traces: Trace[] = [];
  for (const file of files) {
    const name = file.replace(/\.csv(\.gz)?$/, '');
    const trace = await readTrace(join(folder, file), laws[name] ?? defaultLaw);
    if (!values.quick || trace.arrivals.length < manyJobs) traces.push(trace);
  }
  return traces;
}

function generatedTraces(): Trace[] {
  return values.seeds.split(',').flatMap((text) => {
    const seed = Number(text);
    const named = (name: string, trace: Trace): Trace => ({ ...trace, name: `${name} ${seed}` });
    const heavy = { meanSeconds: 20, variation: 3 };
    return [
      named('poisson', generate('poisson', { seed })),
      named(
        'diurnal',
        generate('diurnal', { seed, hours: 24, perSecond: 0.5, law: { meanSeconds: 8, variation: 2 } }),
      ),
      named('onoff', generate('onoff', { seed, hours: 6 })),
      named('ramp', generate('ramp', { seed })),
      named('flash', generate('flash', { seed })),
      named('cron', generate('cron', { seed, hours: 6 })),
      named('heavy tail', generate('poisson', { seed, hours: 12, perSecond: 0.1, law: heavy })),
    ];
  });
}

async function coursesOf(
  traces: readonly Trace[],
  goalSeconds: number,
  bootSeconds: number,
): Promise<Course[]> {
  const courses: Course[] = [];
  for (const trace of traces) {
    const label = `optimum of ${trace.name}, goal ${goalSeconds} s, boot ${bootSeconds} s`;
    const optimum = await optimumOf(trace, goalSeconds, bootSeconds, {
      progress: (share) => tell(label, share),
    });
    courses.push({ trace, goalSeconds, bootSeconds, optimum });
  }
  return courses;
}

function traceTable(entries: readonly Entry[]): string {
  const names = entries[0]?.results.map(({ trace }) => trace) ?? [];
  const rows = entries.map(({ title, results }) => [
    title,
    ...results.map(({ ratio, score }) => `${times(ratio)} ${percent(score.lateShare)}`),
  ]);
  return table(['policy', ...names], rows);
}

function entryTable(entries: readonly Entry[]): string {
  const head = ['policy', 'cost/optimum', 'worst', 'late: mean', 'worst', 'killed', 'undone'];
  return table(
    head,
    entries.map((entry) => [
      entry.title,
      times(entry.costOverOptimum),
      times(entry.worstRatio),
      percent(entry.meanLate),
      percent(entry.worstLate),
      String(entry.killed),
      String(entry.undone),
    ]),
  );
}

function brief(entry: Entry | undefined): unknown {
  return (
    entry && {
      costOverOptimum: rounded(entry.costOverOptimum),
      worstLate: rounded(entry.worstLate),
      killed: entry.killed,
    }
  );
}

function rounded(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.round(value * 10_000) / 10_000;
}

function played<T>(what: string, run: () => T): T {
  tell(what, 0);
  return run();
}

function tell(what: string, share: number): void {
  const line = share > 0 ? `${what}: ${Math.round(100 * share)} %` : what;
  process.stderr.write(process.stderr.isTTY ? `\r\u001b[K${line}` : share > 0 ? '' : `${line}\n`);
}

function show(title: string, text: string): void {
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  console.log(`\n${title}\n\n${text}`);
}
