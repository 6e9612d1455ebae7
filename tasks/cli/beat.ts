/** `headcount-tasks beat`: runs one, or looks at and changes the entries of one that runs elsewhere. */
import type { Beat, BeatOptions } from '../beat/beat.ts';
import type { EntryOptions, MissedPolicy } from '../beat/entry.ts';
import { crontab, every, type Schedule, shownSchedule, solar } from '../beat/schedule.ts';
import type { SolarEvent } from '../beat/solar.ts';
import { closeSoon, inTime, openModule, openPlace, type PlaceOptions, wrong } from './place.ts';
import { moment, say, sayJson, sayTable, short } from './print.ts';
import { given, setLogLevel } from './worker.ts';

export async function run(flags: { readonly app?: string; readonly log: string }): Promise<void> {
  setLogLevel(flags.log);
  const { app, module, beat = app.beat() } = await openModule(flags.app);
  say(`headcount-tasks beat ${process.pid}: ${flags.app ?? module.pathname}; Ctrl-C stops it`);
  await beat.run({ handleSignals: true });
  await app.close();
  say('stopped');
}

interface EntriesFlags extends PlaceOptions {
  readonly beat?: string;
  readonly state?: string;
}

export async function list(flags: EntriesFlags & { readonly json?: boolean }): Promise<void> {
  await withBeat(flags, async ({ entries }) => {
    const found = await entries.list();
    if (flags.json) return sayJson(found);
    if (found.length === 0) return say('no entries');
    const time = (ms: number | undefined, otherwise: string): string =>
      ms === undefined ? otherwise : moment(ms);
    sayTable(
      ['ENTRY', 'TASK', 'NEXT', 'LAST', 'RUNS', 'SCHEDULE'],
      found.map((entry) => [
        short(entry.name),
        short(entry.task),
        entry.paused ? 'paused' : time(entry.nextRunMs, 'never'),
        time(entry.lastRunMs, '-'),
        String(entry.totalRuns),
        shownSchedule(entry.schedule),
      ]),
    );
  });
}

export async function edit(
  verb: 'pause' | 'resume' | 'remove',
  name: string,
  flags: EntriesFlags,
): Promise<void> {
  await withBeat(flags, async ({ entries }) => {
    await entries[verb](name);
    say(`${name}: ${{ pause: 'paused', resume: 'resumed', remove: 'removed' }[verb]}`);
  });
}

interface PutFlags extends EntriesFlags {
  readonly task?: string;
  readonly cron?: string;
  readonly timeZone?: string;
  readonly every?: number;
  readonly solar?: string;
  readonly args?: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>>;
  readonly queue?: string;
  readonly priority?: number;
  readonly expires?: number;
  readonly missed?: MissedPolicy;
}

export async function put(verb: 'add' | 'change', name: string, flags: PutFlags): Promise<void> {
  const { task } = flags;
  const schedule = scheduleOf(flags);
  const options = {
    ...given('queue', flags.queue),
    ...given('priority', flags.priority),
    ...given('expires', flags.expires),
  };
  const changes: Partial<EntryOptions> = {
    ...given('task', task),
    ...given('schedule', schedule),
    ...given('args', flags.args),
    ...given('kwargs', flags.kwargs),
    ...given('missed', flags.missed),
  };
  if (verb === 'add' && (task === undefined || schedule === undefined))
    throw wrong('Give --task, and one of --cron, --every or --solar');
  await withBeat(flags, async ({ entries }) => {
    if (verb === 'add' && task !== undefined && schedule !== undefined)
      await entries.add(name, { ...changes, task, schedule, options });
    else await entries.change(name, await merged(entries, name, changes, options));
    say(`${name}: ${verb === 'add' ? 'added' : 'changed'}`);
  });
}

/** A queue that is given leaves the priority as it is. */
async function merged(
  entries: Beat['entries'],
  name: string,
  changes: Partial<EntryOptions>,
  options: NonNullable<EntryOptions['options']>,
): Promise<Partial<EntryOptions>> {
  if (Object.keys(options).length === 0) return changes;
  const known = (await entries.list()).find((entry) => entry.name === name);
  return { ...changes, options: { ...known?.options, ...options } };
}

function scheduleOf(flags: PutFlags): Schedule | undefined {
  const kinds = [flags.cron, flags.every, flags.solar].filter((one) => one !== undefined);
  if (kinds.length > 1) throw wrong('Give one of --cron, --every and --solar');
  if (flags.every !== undefined) return every(flags.every);
  if (flags.cron !== undefined) return cronOf(flags.cron, flags.timeZone);
  if (flags.timeZone !== undefined) throw wrong('--time-zone belongs to --cron; give both');
  if (flags.solar === undefined) return undefined;
  const [event = '', latitude = '', longitude = ''] = flags.solar.split(',').map((part) => part.trim());
  return solar(event as SolarEvent, numberOf(latitude), numberOf(longitude));
}

function cronOf(text: string, timeZone: string | undefined): Schedule {
  const fields = text.trim().split(/\s+/);
  if (fields.length !== 5)
    throw wrong(
      `--cron has five fields with blanks between, minute hour day-of-month month day-of-week, not ${fields.length}`,
    );
  const [minute, hour, dayOfMonth, monthOfYear, dayOfWeek] = fields as [
    string,
    string,
    string,
    string,
    string,
  ];
  return crontab({ minute, hour, dayOfMonth, monthOfYear, dayOfWeek }, timeZone);
}

function numberOf(text: string): number {
  return text === '' ? Number.NaN : Number(text);
}

async function withBeat(flags: EntriesFlags, work: (beat: Beat) => Promise<void>): Promise<void> {
  const { app, beat } = await openPlace(flags);
  const options: BeatOptions = { ...given('name', flags.beat), ...given('state', flags.state) };
  const own = Object.keys(options).length > 0 || !beat ? app.beat(options) : beat;
  try {
    await inTime(work(own), (flags.timeout ?? 10) * 1000);
  } finally {
    await closeSoon(app);
  }
}
