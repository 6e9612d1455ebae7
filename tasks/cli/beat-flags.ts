/** The flags of beat: to run one, and to see and change its entries while it runs. */
import type { Command } from 'commander';
import { jsonList, jsonObject, oneOf, priority, seconds } from './arguments.ts';
import { withModule, withPlace } from './place.ts';

export function addBeat(program: Command): void {
  const beat = program
    .command('beat')
    .description('send tasks on schedule until Ctrl-C; of several beats one leads, the others stand by');
  withModule(beat.command('run', { isDefault: true }))
    .description('run a beat (the default)')
    .action(async (flags) => (await import('./beat.ts')).run(flags));
  beat.addHelpText(
    'after',
    `
The module's export named beat is what runs: export const beat = app.beat({ schedule: { … } }). Without it, entries
added at run time are sent.

Examples:
  headcount-tasks beat --app ./tasks.js
  headcount-tasks beat list --app ./tasks.js
  headcount-tasks beat add nightly --task reports.build --cron '0 3 * * mon-fri' --time-zone Europe/Berlin --app ./tasks.js
  headcount-tasks beat pause nightly --app ./tasks.js`,
  );
  named(beat.command('list'))
    .description('entries, when they ran and when they run next')
    .option('--json', 'print JSON')
    .action(async (flags) => (await import('./beat.ts')).list(flags));
  for (const verb of ['pause', 'resume', 'remove'] as const)
    named(beat.command(verb).argument('<entry>', 'its name'))
      .description(verbs[verb])
      .action(async (entry: string, flags) => (await import('./beat.ts')).edit(verb, entry, flags));
  addEntry(beat, 'add', 'add an entry');
  addEntry(beat, 'change', 'change what is given, and leave the rest');
}

const verbs = {
  pause: 'send nothing for an entry until it is resumed',
  resume: 'go on with the next time; what passed meanwhile is not missed',
  remove: 'remove an entry; one of the code comes back when its code changes',
} as const;

function addEntry(beat: Command, verb: 'add' | 'change', help: string): void {
  named(beat.command(verb).argument('<entry>', 'its name'))
    .description(help)
    .option('--task <name>', 'name of the task')
    .option('--cron <text>', "minute hour day-of-month month day-of-week, '*/5 8-18 * * mon-fri'")
    .option('--time-zone <name>', 'of --cron; default: UTC')
    .option('--every <seconds>', 'an interval', seconds)
    .option('--solar <event,latitude,longitude>', "such as 'sunset,52.5,13.4'")
    .option('-a, --args <json>', "list of arguments, '[2, 3]'", jsonList)
    .option('-k, --kwargs <json>', 'named arguments', jsonObject)
    .option('-Q, --queue <name>', "default: the task's or the app's")
    .option('--priority <0-9>', 'of its messages', priority)
    .option('--expires <seconds>', 'not started later than that after it was sent', seconds)
    .option('--missed <policy>', 'once, skip or all', oneOf('once', 'skip', 'all'))
    .action(async (entry: string, flags) => (await import('./beat.ts')).put(verb, entry, flags));
}

function named(command: Command): Command {
  return withPlace(command)
    .option('--beat <name>', "of the beat; default: that of the module's, else beat")
    .option('--state <address>', 'where it keeps its entries; default: the broker');
}
