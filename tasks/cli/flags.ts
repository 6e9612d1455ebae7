/** The flags of worker, purge, events and call. */
import type { Command } from 'commander';
import { count, countOrNone, jsonList, jsonObject, list, oneOf, priority, seconds } from './arguments.ts';
import { withModule, withPlace } from './place.ts';

export function addWorker(program: Command): void {
  withModule(program.command('worker'))
    .description('work on the tasks of a module until Ctrl-C or SIGTERM; a second one does not wait')
    .option(
      '-c, --concurrency <count>',
      "jobs at a time; default: 4, with threads the machine's cores",
      count,
    )
    .option(
      '-P, --pool <kind>',
      'async (one thread) or threads; default: async',
      oneOf('async', 'slots', 'threads'),
    )
    .option('-Q, --queues <names>', "with commas between; default: the app's queue", list)
    .option('--prefetch <count>', 'the most it holds beyond what runs; default: 1,000', countOrNone)
    .option(
      '--prefetch-multiplier <factor>',
      "Celery's, in place of that: it holds so many times its slots, running ones included; 0: up to 1,000 more",
      countOrNone,
    )
    .option('-n, --name <name>', 'before the @ in monitors; default: HEADCOUNT_PROCESS, DYNO, its number')
    .option('--grace <seconds>', 'how long a stop may take; default: 30', seconds)
    .option('-E, --events', 'send an event for each step of each job')
    .option(
      '--keep-failed <count>',
      'of so many failed jobs the broker keeps the messages; default: 1,000',
      countOrNone,
    )
    .option('--max-tasks <count>', 'stop after so many, for a supervisor to start a fresh one', count)
    .option('--max-memory <MB>', 'stop when the process takes more than that', count)
    .option('--max-tasks-per-thread <count>', 'with threads: replace one after so many jobs', count)
    .option('--max-thread-memory <MB>', 'with threads: replace one that holds more after a job', count)
    .addHelpText(
      'after',
      `
Examples:
  headcount-tasks worker --app ./tasks.js
  headcount-tasks worker --app ./tasks.js --queues mail,default --concurrency 50
  headcount-tasks worker --app ./dist/tasks.js --pool threads --grace 25`,
    )
    .action(async (options) => (await import('./worker.ts')).worker(options));
}

export function addPurge(program: Command): void {
  withPlace(program.command('purge'))
    .description('throw away what waits in queues; what workers hold or run stays')
    .argument('[queues...]', "default: the app's queue")
    .option('-y, --yes', 'do not ask')
    .option('-f, --force', "the same, by Celery's name")
    .addHelpText(
      'after',
      '\nExample:\n  headcount-tasks purge mail reports --broker redis://127.0.0.1:6379/0',
    )
    .action(async (queues: string[], options) => (await import('./purge.ts')).purge(queues, options));
}

export function addEvents(program: Command): void {
  withPlace(program.command('events'))
    .description("print what workers tell, line by line, until Ctrl-C; Python's workers too")
    .option('--group <name>', 'only those of: task, worker', oneOf('task', 'worker'))
    .option('--enable', 'ask all workers to tell about jobs; they do so until disable_events')
    .option('--count <count>', 'end after so many', count)
    .option('--json', 'one JSON object per line')
    .addHelpText(
      'after',
      `
Examples:
  headcount-tasks events --enable --broker redis://127.0.0.1:6379/0
  headcount-tasks events --group task --json | jq 'select(.type == "task-failed")'`,
    )
    .action(async (options) => (await import('./events.ts')).events(options));
}

export function addCall(program: Command): void {
  withPlace(program.command('call'))
    .description("send one call of a task, also of a Python worker's, and print its id")
    .argument('<name>', 'name of the task')
    .option('-a, --args <json>', "list of arguments, '[2, 3]'", jsonList)
    .option('-k, --kwargs <json>', 'named arguments, \'{"deep": true}\'', jsonObject)
    .option('--countdown <seconds>', 'not before so many seconds', seconds)
    .option('--expires <seconds>', 'not after so many seconds', seconds)
    .option('-Q, --queue <name>', "default: the app's queue")
    .option('--priority <0-9>', "0 is soonest on Redis; RabbitMQ's is the other way round", priority)
    .option('--id <text>', 'default: a new uuid')
    .option('-w, --wait', 'wait for the result and print it, within --timeout')
    .option('--results <address>', 'where results are kept; default: RESULTS_URL, else the broker')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  headcount-tasks call add --args '[2, 3]' --wait --broker redis://127.0.0.1:6379/0
  headcount-tasks call reports.build --kwargs '{"day": "2026-03-01"}' --countdown 60 --app ./tasks.js`,
    )
    .action(async (name: string, options) => (await import('./call.ts')).call(name, options));
}
