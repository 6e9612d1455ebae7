#!/usr/bin/env node
/**
 * The command `headcount`. Each command stands in a file of its own, loaded when it is called, so that `--help` need not
 * start a database. Errors a person can mend are one line (what, why, what to do) and an exit code; others keep their stack.
 * It opens as tasks/cli/program.ts does, in lines of its own: that package stands alone, and would have to export its ten lines
 * of set-up to everybody who installs it.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Command, CommanderError, Option } from 'commander';
import { errorCodes, HeadcountError } from '../server/errors.ts';
import {
  address,
  billing,
  count,
  duration,
  folder,
  hours,
  logLevel,
  perSecond,
  port,
  seconds,
  share,
  someTime,
  spread,
  upTo,
  victims,
  whole,
} from './arguments.ts';
import { packageFolder } from './place.ts';
import { queueSpecs } from './simulate/queues.ts';

/** A wrong flag or argument. */
const usageExit = 2;

let exitCode = 0;
process.exitCode = await main(process.argv);

export async function main(argv: readonly string[]): Promise<number> {
  const program = createProgram();
  try {
    await program.parseAsync([...argv]);
    return exitCode;
  } catch (error) {
    return explain(error);
  }
}

function createProgram(): Command {
  const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as {
    version: string;
  };
  const program = new Command('headcount')
    .description('Keeps exactly enough workers running: measures what waits, decides, starts and stops them.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .configureHelp({ showGlobalOptions: false })
    .showHelpAfterError('(see --help for what there is)')
    .exitOverride();
  // Commands inherit the settings above, so these are made after them.
  addUp(program);
  addDemo(program);
  addEval(program);
  addSimulate(program);
  addImport(program);
  addSetup(program);
  addConfiguration(program);
  addResetPassword(program);
  addRotateKey(program);
  addBackup(program);
  return program;
}

function addUp(program: Command): void {
  program
    .command('up')
    .description('start the controller with its dashboard, and run until Ctrl-C')
    .option('-c, --config <file>', 'configuration; default: headcount.yaml where there is one')
    .option('-p, --port <number>', 'port of the dashboard, 0 for any free one; default: 4700', port)
    .option('--host <address>', 'address to listen on; default: 127.0.0.1')
    .option('-d, --data <folder>', 'folder of the embedded database; default: .headcount')
    .option('--interval <seconds>', 'time between two checkups; default: 10', seconds)
    .option('--log <level>', 'trace, debug, info, warn, error or silent', logLevel, 'warn')
    .addHelpText(
      'after',
      '\nDATABASE_URL in the environment means PostgreSQL instead of the embedded database.',
    )
    .action(async (options) => {
      const { up } = await import('./up.ts');
      exitCode = await up(options);
    });
}

function addDemo(program: Command): void {
  program
    .command('demo')
    .description('a catalogue comes in, workers are hired, the work gets done, workers are let go')
    .option('-n, --tracks <count>', 'how many tracks the distributors send', count, 20_000)
    .option('--catalogue <folder>', 'send the real files there: tracks.csv.gz and releases.csv.gz', folder)
    .addOption(
      new Option('--fleet <name>', 'where the processes run')
        .choices(['local', 'heroku-fake'])
        .default('local'),
    )
    .option('--broker <address>', 'redis://host:port/db or sqlite:file; default: a new file', address)
    .option('--workers <count>', 'the most workers at once', count, Math.max(4, availableParallelism()))
    .option('--goal <seconds>', 'jobs start within this time', seconds, 5)
    .option('--seed <number>', 'same seed, same bursts', whole, 1)
    .option('--chaos', 'meanwhile kill random workers with SIGKILL')
    .option('--exit', 'stop when all is done and no worker is left; the last line is one JSON object')
    .option('-p, --port <number>', 'port of the dashboard; default: 4700 or the next free one', port)
    .option('-d, --data <folder>', 'keep everything there; default: a new folder, removed at the end')
    .action(async (options) => {
      const { demo } = await import('./demo.ts');
      exitCode = await demo(options);
    });
}

function addEval(program: Command): void {
  program
    .command('eval')
    .description('measure and decide now, print the reasons, change nothing')
    .argument('[app]', 'name of the app; default: every app')
    .argument('[processType]', 'default: every manager of the app')
    .option(
      '--url <address>',
      'which controller, where several run; another machine needs HEADCOUNT_KEY',
      address,
    )
    .option('-c, --config <file>', 'configuration of the controller, to find its folder')
    .option('-d, --data <folder>', 'folder of the controller')
    .option('--json', 'print JSON')
    .action(async (app: string | undefined, processType: string | undefined, options) => {
      const { evaluate } = await import('./eval.ts');
      exitCode = await evaluate({ ...options, app, processType });
    });
}

function addSimulate(program: Command): void {
  program
    .command('simulate')
    .description('what a load would have cost with Headcount and with others, and who would have waited')
    .option('--trace <file>', 'play a trace: .csv or .csv.gz, "arrival_s,service_s" or "t_seconds,jobs"')
    .option('--generate <name>', 'play a made load: poisson, diurnal, weekly, onoff, ramp, flash, cron, bulk')
    .option('--history <app/manager>', 'play what a running controller recorded of this manager')
    .option('--goal <duration>', 'jobs start within this time', someTime, 30)
    .option('--boot <duration>', 'from the start of a worker to its first job', duration, 10)
    .option('--slots <count>', 'jobs at a time per worker', upTo(64), 1)
    .option('--service <duration>', 'mean time per job, where the load does not tell', someTime, 2)
    .option('--policy <names>', 'who plays, with commas between', 'headcount,keda,hirefire')
    .option(
      '--victims <rule>',
      'whom the platform stops: free, suffix or kill; default: as each ships',
      victims,
    )
    .option('--period <duration>', 'how often each looks; default: as each ships', someTime)
    .option('--maximum <count>', 'the most workers at once', upTo(1_000), 500)
    .option('--minimum <count>', 'workers that are always there', whole, 0)
    .option('--variation <number>', 'how much the times of jobs differ: deviation over mean', spread, 1)
    .option(
      '--queues <list>',
      'several queues, as "mail:30%:1s, import:70%:20s": the first is served first',
      queueSpecs,
    )
    .option('--apart', 'each queue has a process type of its own')
    .option('--boot-jitter <share>', 'boots take so much more or less, as 50%', share)
    .option('--reading-delay <duration>', 'readings tell what was so long ago', duration)
    .option('--missing <share>', 'so many readings are lost, as 2%', share)
    .option('--refused <share>', 'so many scale calls are refused, as 2%', share)
    .option('--billing <unit>', 'second, minute or hour: what is begun is paid', billing)
    .option('--hours <number>', 'how much of a history (default: 1) or of a made load', hours)
    .option('--per-second <number>', 'arrivals per second of a made load; default: 2', perSecond)
    .option('--seed <number>', 'same seed, same load', whole, 1)
    .option('--optimum', 'compare with the best possible also where that takes minutes')
    .option('--json', 'print JSON')
    .option('--picture <file>', 'draw arrivals, waiting, workers and late jobs: .svg or .png')
    .option('--url <address>', 'for --history: which controller, where several run', address)
    .option('-c, --config <file>', 'for --history: configuration of the controller, to find its folder')
    .option('-d, --data <folder>', 'for --history: folder of the controller')
    .action(async (options) => {
      const { simulate } = await import('./simulate.ts');
      exitCode = await simulate(options);
    });
}

function addImport(program: Command): void {
  program
    .command('import')
    .description('take over the managers of HireFire or Judoscale; changes nothing there')
    .argument('<service>', 'hirefire or judoscale')
    .option('--app <name>', 'only this application of HireFire; the name here of the app of Judoscale')
    .option('--out <file>', 'write a configuration file instead of printing it')
    .option('--apply', 'create apps and managers in a running controller')
    .option(
      '--token-env <name>',
      'environment variable with the key; default: HIREFIRE_API_KEY, JUDOSCALE_URL',
    )
    .option('--token <key>', "the key itself; it stays in the shell's history")
    .option('--api <address>', "address of HireFire's API", address, 'https://api.hirefire.io')
    .option('--url <address>', 'for --apply: which controller, where several run', address)
    .option('-c, --config <file>', 'for --apply: configuration of the controller, to find its folder')
    .option('-d, --data <folder>', 'for --apply: folder of the controller')
    .action(async (service: string, options) => {
      const { importFrom } = await import('./import.ts');
      exitCode = await importFrom({ ...options, service });
    });
}

function addSetup(program: Command): void {
  program
    .command('setup')
    .description('set up an app step by step: app, manager, token, library, test, go')
    .option('--app <name>', 'name of the app')
    .option('--app-url <address>', 'where the app answers, such as https://music.example.com', address)
    .option(
      '--type <name>',
      "process type to manage, as in the Procfile; default: the Procfile's first worker",
    )
    .option('--procfile <file>', 'where the Procfile is; default: Procfile')
    .option('--language <name>', 'ruby, python, node or other')
    .option('--framework <name>', 'rails, django, express ...: which lines to show')
    .option('--measure <name>', 'what is measured: jobs, latency or requests')
    .option('--minimum <count>', 'the fewest processes', whole)
    .option('--maximum <count>', 'the most processes', whole)
    .option('--goal <duration>', 'jobs start within this time', someTime)
    .option('--public-url <address>', 'where the app reaches this controller', address)
    .option('--wait <duration>', 'how long to wait for the app to answer', duration, 0)
    .option('--heroku-app <name>', 'app at Heroku to scale; its key is asked for, or HEROKU_API_KEY')
    .option('--enable', 'let it scale from now on; default: watch only')
    .option('-y, --yes', 'take what is proposed and ask nothing')
    .option('--url <address>', 'which controller, where several run', address)
    .option('-c, --config <file>', 'configuration of the controller, to find its folder')
    .option('-d, --data <folder>', 'folder of the controller')
    .action(async (options) => {
      const { setup } = await import('./setup.ts');
      exitCode = await setup(options);
    });
}

function addRotateKey(program: Command): void {
  program
    .command('rotate-key')
    .description('seal credentials and addresses in the store with a new key')
    .option('-c, --config <file>', 'configuration of the controller, to find its folder')
    .option('-d, --data <folder>', 'folder of the controller')
    .addHelpText(
      'after',
      '\nWith the embedded database, stop the controller first: the key is in secret.key of its folder. With PostgreSQL, set' +
        '\nHEADCOUNT_SECRET_KEY to "new,old" for every controller, start them anew, call this, then take the old key away.',
    )
    .action(async (options) => {
      const { rotate } = await import('./rotate-key.ts');
      exitCode = await rotate(options);
    });
}

function addBackup(program: Command): void {
  program
    .command('backup')
    .description('write the embedded database into one file, also while the controller runs')
    .argument('<file>', 'where to, such as headcount.backup')
    .option('-c, --config <file>', 'configuration of the controller, to find its folder')
    .option('-d, --data <folder>', 'folder of the controller')
    .action(async (file: string, options) => {
      const { backup } = await import('./backup.ts');
      exitCode = await backup({ ...options, file });
    });
  program
    .command('restore')
    .description('make the embedded database from a file that backup wrote; the controller is stopped')
    .argument('<file>', 'what backup wrote')
    .option('-c, --config <file>', 'configuration of the controller, to find its folder')
    .option('-d, --data <folder>', 'folder of the controller')
    .option('--force', 'replace the database that is there')
    .action(async (file: string, options) => {
      const { restore } = await import('./backup.ts');
      exitCode = await restore({ ...options, file });
    });
}

function addConfiguration(program: Command): void {
  const withTarget = (command: Command): Command =>
    command
      .option(
        '--url <address>',
        'which controller, where several run; another machine needs its key',
        address,
      )
      .option('--key <key>', 'its key; better in HEADCOUNT_KEY')
      .option('-d, --data <folder>', 'folder of the controller');
  withTarget(program.command('export'))
    .description('print the apps, managers and channels of a controller as headcount.yaml, without secrets')
    .option('--out <file>', 'write a file instead of printing it')
    .action(async (options) => {
      const { exportConfiguration } = await import('./export.ts');
      exitCode = await exportConfiguration(options);
    });
  withTarget(program.command('diff'))
    .description('what "apply" would change; exit code 0: nothing, 1: something, 2: trouble')
    .argument('[file]', 'the configuration', 'headcount.yaml')
    .option('--prune', 'also what the file does not name and would be removed')
    .action(async (file: string, options) => {
      const { diff } = await import('./diff.ts');
      exitCode = await diff({ ...options, file });
    });
  withTarget(program.command('apply'))
    .description('make a running controller as the file says; run twice, the second does nothing')
    .argument('[file]', 'the configuration', 'headcount.yaml')
    .option('--prune', 'remove what the file does not name, of the kinds that it names')
    .option('--dry-run', 'say what would change, and change nothing')
    .action(async (file: string, options) => {
      const { apply } = await import('./apply.ts');
      exitCode = await apply({ ...options, file });
    });
}

function addResetPassword(program: Command): void {
  program
    .command('reset-password')
    .description('print a link with which a person chooses a new password; it works once, for an hour')
    .argument('<email>', 'of the person')
    .option('--url <address>', 'which controller, where several run', address)
    .option('-d, --data <folder>', 'folder of the controller')
    .action(async (email: string, options) => {
      const { resetPassword } = await import('./reset-password.ts');
      exitCode = await resetPassword({ ...options, email });
    });
}

function explain(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageExit;
  if (error instanceof HeadcountError) {
    process.stderr.write(`headcount: ${error.message}\n`);
    return errorCodes[error.code].exit;
  }
  console.error(error);
  return 1;
}
