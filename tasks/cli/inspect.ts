/** `headcount-tasks inspect …`: asks a question, and prints the answers as a table. */
import { heard } from './control.ts';
import { askOf, type ControlFlags, type Question } from './control-flags.ts';
import { withApp } from './place.ts';
import { amount, say, sayJson, sayTable, short, span } from './print.ts';

type Fields = Readonly<Record<string, unknown>>;
type Rows = readonly (readonly string[])[];

export async function inspect(question: Question, flags: ControlFlags, given: Fields = {}): Promise<void> {
  await withApp(flags, async (app, timeoutMs) => {
    const ask = askOf(flags, timeoutMs);
    const { answers, silentCount = 0 } = await app.control.ask(question, given, ask);
    const sorted = new Map([...answers].sort(([a], [b]) => (a < b ? -1 : 1)));
    if (flags.json) sayJson(sorted);
    else if (sorted.size > 0) show(question, sorted);
    heard(sorted.size, silentCount, flags);
  });
}

function show(question: Question, answers: ReadonlyMap<string, unknown>): void {
  const { head, rows, noun } = tables[question];
  const found = [...answers].flatMap(([worker, answer]) => rows(answer).map((row) => [worker, ...row]));
  if (found.length === 0) say(`${amount(answers.size, 'worker')}, ${noun}`);
  else sayTable(['WORKER', ...head], found);
}

interface Table {
  readonly head: readonly string[];
  rows(answer: unknown): Rows;
  /** When there is nothing to show. */
  readonly noun: string;
}

const tables: Readonly<Record<Question, Table>> = {
  ping: { head: ['ANSWER'], rows: (answer) => [[String((answer as Fields).ok ?? short(answer))]], noun: '' },
  active: { head: ['RUNNING', 'TASK', 'ID', 'ARGUMENTS'], rows: jobs, noun: 'nothing runs' },
  reserved: { head: ['RUNNING', 'TASK', 'ID', 'ARGUMENTS'], rows: jobs, noun: 'nothing is reserved' },
  scheduled: { head: ['DUE', 'TASK', 'ID', 'ARGUMENTS'], rows: later, noun: 'nothing is held for later' },
  stats: { head: ['SLOTS', 'PREFETCH', 'STARTED', 'UP', 'MEMORY', 'PROCESS'], rows: stats, noun: '' },
  active_queues: {
    head: ['QUEUES'],
    rows: (answer) => [
      [
        listOf(answer)
          .map((queue) => String((queue as Fields).name))
          .join(', '),
      ],
    ],
    noun: 'no queues',
  },
  registered: { head: ['TASK'], rows: names, noun: 'no tasks are registered' },
  revoked: { head: ['ID'], rows: names, noun: 'nothing is revoked' },
  conf: { head: ['SETTING', 'VALUE'], rows: settings, noun: 'nothing is told' },
  report: { head: ['REPORT'], rows: report, noun: '' },
  query_task: { head: ['STATE', 'TASK', 'ID', 'ARGUMENTS'], rows: found, noun: 'none of them is held' },
};

function settings(answer: unknown): Rows {
  return Object.entries((answer ?? {}) as Fields)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => [short(name), short(value ?? 'none', 100)]);
}

function report(answer: unknown): Rows {
  const lines = String((answer as Fields | null)?.ok ?? '').split('\n');
  return lines.filter((text) => text.trim() !== '').map((text) => [short(text.trim(), 200)]);
}

/** By id: where it is, and the job. */
function found(answer: unknown): Rows {
  return Object.values((answer ?? {}) as Fields).map((value) => {
    const [state, job] = listOf(value);
    const { name, id, args, kwargs } = (job ?? {}) as Fields;
    return [short(state), short(name), short(id), short(argumentsOf(args, kwargs))];
  });
}

function jobs(answer: unknown): Rows {
  return listOf(answer).map((one) => {
    const { time_start: start, name, id, args, kwargs } = one as Fields;
    const since = typeof start === 'number' ? span(Math.max(0, Date.now() / 1000 - start)) : '-';
    return [since, short(name), short(id), short(argumentsOf(args, kwargs))];
  });
}

function later(answer: unknown): Rows {
  return listOf(answer).map((one) => {
    const { eta, request } = one as Fields;
    const { name, id, args, kwargs } = (request ?? {}) as Fields;
    return [short(eta), short(name), short(id), short(argumentsOf(args, kwargs))];
  });
}

function argumentsOf(args: unknown, kwargs: unknown): string {
  const named = JSON.stringify(kwargs ?? {});
  return `${JSON.stringify(args ?? [])}${named === '{}' ? '' : ` ${named}`}`;
}

function stats(answer: unknown): Rows {
  const { pool, prefetch_count, total, uptime, rusage, pid } = answer as Readonly<
    Record<string, Fields | undefined>
  >;
  const started = Object.values(total ?? {}).reduce<number>((sum, one) => sum + Number(one), 0);
  const kilobytes = Number(rusage?.maxrss);
  return [
    [
      short(pool?.['max-concurrency'] ?? '?'),
      short(prefetch_count ?? '?'),
      String(started),
      uptime === undefined ? '?' : span(Number(uptime)),
      Number.isFinite(kilobytes) ? `${Math.round(kilobytes / 1000)} MB` : '?',
      short(pid ?? '?'),
    ],
  ];
}

function names(answer: unknown): Rows {
  return listOf(answer).map((name) => [short(name, 100)]);
}

function listOf(answer: unknown): readonly unknown[] {
  return Array.isArray(answer) ? (answer as unknown[]) : [];
}
