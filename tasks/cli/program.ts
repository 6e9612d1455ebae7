/**
 * The command `headcount-tasks`. Each command stands in a file of its own, loaded when it is called. Errors a person can
 * mend are one line (what, why, what to do) and an exit code; what an app's own module throws keeps its stack.
 * It opens as cli/main.ts does, in lines of its own: this package stands alone, and to share ten lines of set-up it would
 * have to export them to everybody who installs it.
 *
 * Exit codes, after sysexits.h where it has one: 0 done, 1 failed, 2 wrong usage, 69 no server or nobody answered, 75 not
 * in time, 130 Ctrl-C.
 */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import type { TaskErrorCode, TasksError } from '../errors.ts';
import { addBeat } from './beat-flags.ts';
import { addControl, addInspect } from './control-flags.ts';
import { Ended, exitCodes } from './ended.ts';
import { addCall, addEvents, addPurge, addWorker } from './flags.ts';

const codes: Partial<Record<TaskErrorCode, number>> = {
  ARGUMENTS_INVALID: exitCodes.usage,
  BROKER_BUSY: exitCodes.unavailable,
  BROKER_UNREACHABLE: exitCodes.unavailable,
  BROKER_URL_INVALID: exitCodes.usage,
  OPTION_INVALID: exitCodes.usage,
  RESULT_TIMEOUT: exitCodes.late,
};

/** Runs a command line, and answers with its exit code. Never rejects. */
export async function main(argv: readonly string[]): Promise<number> {
  const program = createProgram();
  try {
    await program.parseAsync([...argv]);
    return 0;
  } catch (error) {
    return explain(error);
  }
}

function createProgram(): Command {
  const here = new URL(import.meta.url).pathname.endsWith('.ts') ? '../package.json' : '../../package.json';
  const { version } = JSON.parse(readFileSync(new URL(here, import.meta.url), 'utf8')) as { version: string };
  const program = new Command('headcount-tasks')
    .description(
      "Background tasks that speak Celery: run workers and beats, and see and steer them, Python's too.",
    )
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .configureHelp({ showGlobalOptions: false })
    .showHelpAfterError('(see --help for what there is)')
    .exitOverride();
  program.addHelpText(
    'after',
    `
Examples:
  headcount-tasks worker --app ./tasks.js --concurrency 8
  headcount-tasks beat --app ./tasks.js
  headcount-tasks inspect active --broker redis://127.0.0.1:6379/0
  headcount-tasks call add --args '[2, 3]' --wait --broker redis://127.0.0.1:6379/0

--app is a module whose default export, or export named app, is what createApp() answered. Commands that need no
tasks take --broker instead. In the environment: HEADCOUNT_TASKS_APP, BROKER_URL, RESULTS_URL.
Exit codes: 0 done, 1 failed, 2 wrong usage, 69 no server or nobody answered, 75 not in time, 130 Ctrl-C.`,
  );
  // Commands inherit the settings above, so these are made after them.
  addWorker(program);
  addBeat(program);
  addInspect(program);
  addControl(program);
  addPurge(program);
  addEvents(program);
  addCall(program);
  return program;
}

function explain(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
  if (error instanceof Ended) {
    if (error.message !== '') process.stderr.write(`headcount-tasks: ${error.message}\n`);
    return error.code;
  }
  // By name: the app's module may bring another copy of this package.
  if (error instanceof Error && error.name === 'TasksError') {
    process.stderr.write(`headcount-tasks: ${error.message}\n`);
    return codes[(error as TasksError).code] ?? exitCodes.failed;
  }
  console.error(error);
  return exitCodes.failed;
}
