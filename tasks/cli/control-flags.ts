/** The flags of inspect and control: one sub-command per question and per order, by Celery's own names. */
import type { Command } from 'commander';
import type { Ask } from '../control.ts';
import { count, list, seconds } from './arguments.ts';
import { type PlaceOptions, withPlace } from './place.ts';

export interface ControlFlags extends PlaceOptions {
  readonly destination?: readonly string[];
  readonly pattern?: string;
  readonly json?: boolean;
}

const questions = {
  ping: 'who is there',
  active: 'what runs',
  reserved: 'what is taken and not started',
  scheduled: 'what is held until it is due; of ours one worker tells it for all',
  stats: 'slots, totals, memory',
  active_queues: 'which queues each takes from',
  registered: 'which tasks each knows',
  revoked: 'which ids each will not start',
  conf: 'how each is set up',
  report: 'which versions each runs on',
} as const;

export type Question = keyof typeof questions | 'query_task';

export function addInspect(program: Command): void {
  const inspect = program
    .command('inspect')
    .description("ask all workers, Python's too; ends with 69 when nobody answers")
    .addHelpText(
      'after',
      `
Examples:
  headcount-tasks inspect ping --broker redis://127.0.0.1:6379/0
  headcount-tasks inspect active --pattern 'mailer*' --json --app ./tasks.js`,
    );
  for (const [name, help] of Object.entries(questions))
    withAsk(dashed(inspect.command(name)))
      .description(help)
      .action(async (flags: ControlFlags) => (await import('./inspect.ts')).inspect(name as Question, flags));
  withAsk(dashed(inspect.command('query_task <ids...>')))
    .description('where these are, of what workers hold or run')
    .action(async (ids: string[], flags: ControlFlags) =>
      (await import('./inspect.ts')).inspect('query_task', flags, { ids }),
    );
}

/** Celery's names have underscores, and fingers type dashes. */
function dashed(command: Command): Command {
  const name = command.name();
  return name.includes('_') ? command.alias(name.replaceAll('_', '-')) : command;
}

export function addControl(program: Command): void {
  const control = program
    .command('control')
    .description(
      "command all workers, Python's too; ends with 69 when nobody answers, with 1 when one refuses",
    )
    .addHelpText(
      'after',
      `
Examples:
  headcount-tasks control rate_limit mail.send 10/s --broker redis://127.0.0.1:6379/0
  headcount-tasks control shutdown --pattern 'worker.3@*' --app ./tasks.js`,
    );
  const add = (usage: string, help: string, order: Order, adjust = (one: Command): Command => one): void => {
    const made = dashed(control.command(usage)).description(help);
    adjust(withAsk(made)).action(async (...given: unknown[]) => {
      const [flags, ...others] = given.slice(0, -1).reverse() as [ControlFlags, ...unknown[]];
      const { command } = await import('./control.ts');
      await command(order(others.reverse(), flags as ControlFlags & Record<string, unknown>), flags);
    });
  };
  const [method, named] = [simple, withNumber];
  add(
    'revoke <ids...>',
    'do not start these',
    ([ids], { terminate }) => ({
      method: 'revoke',
      args: { task_id: ids, terminate: terminate === true },
    }),
    (one) => one.option('--terminate', 'end them where they run'),
  );
  add('rate_limit <task> <rate>', 'such as 10/s, 100/m, 1000/h; 0 ends it', ([task, rate]) => ({
    method: 'rate_limit',
    args: { task_name: task, rate_limit: rate === '0' ? 0 : rate },
  }));
  add(
    'time_limit <task>',
    'how long a task may run',
    ([task], { soft, hard }) => ({
      method: 'time_limit',
      args: { task_name: task, soft: soft ?? null, hard: hard ?? null },
    }),
    (one) =>
      one
        .option('--soft <seconds>', 'then it is asked to end', seconds)
        .option('--hard <seconds>', 'then it fails', seconds),
  );
  add('add_consumer <queue>', 'take from this queue too', named('add_consumer', 'queue'));
  add('cancel_consumer <queue>', 'take no more from this queue', named('cancel_consumer', 'queue'));
  add(
    'pool_grow',
    'more jobs at a time',
    (_given, { count: n }) => ({ method: 'pool_grow', args: { n: n ?? 1 } }),
    withCount,
  );
  add(
    'pool_shrink',
    'fewer jobs at a time',
    (_given, { count: n }) => ({ method: 'pool_shrink', args: { n: n ?? 1 } }),
    withCount,
  );
  add('enable_events', 'tell about each step of each job', method('enable_events'));
  add('disable_events', 'stop telling', method('disable_events'));
  add('shutdown', 'stop warm; without a pattern or destination: all of them', method('shutdown'));
}

export interface ControlOrder {
  readonly method: string;
  readonly args: Readonly<Record<string, unknown>>;
}

type Order = (given: readonly unknown[], flags: Readonly<Record<string, unknown>>) => ControlOrder;

function simple(method: string): Order {
  return () => ({ method, args: {} });
}

function withNumber(method: string, argument: string): Order {
  return ([value]) => ({ method, args: { [argument]: value } });
}

function withCount(one: Command): Command {
  return one.option('-n, --count <count>', 'by how many; default: 1', count);
}

function withAsk(command: Command): Command {
  return withPlace(command)
    .option('-d, --destination <names>', 'only these workers, with commas between', list)
    .option('-p, --pattern <pattern>', 'only workers whose name matches, with * and ?')
    .option('--json', 'print JSON');
}

/** How long silent workers are waited for, which is less than the command may take. */
export function askOf(flags: ControlFlags, timeoutMs: number): Ask {
  return {
    ...(flags.destination ? { destination: flags.destination } : {}),
    ...(flags.pattern ? { pattern: flags.pattern } : {}),
    timeoutMs: Math.min(timeoutMs * 0.8, flags.timeout === undefined ? 1_000 : Infinity),
  };
}
