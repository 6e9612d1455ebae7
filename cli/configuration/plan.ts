/**
 * What it takes to make a controller as a file says: a list of changes in the order in which they can be made, each with the
 * call that makes it. Apps and managers that are made come first, since channels name apps; what goes, goes last.
 *
 * It is made from what the API shows, so it works for a controller anywhere, and every change passes the same checks and
 * the same permissions as one in the dashboard. Sending the whole file to the controller was the other way: it would
 * have needed a second door for every kind of change.
 */
import type { App, Choice, Manager } from '../../server/api.ts';
import type { Channel } from '../../server/api-issues.ts';
import type { AppEntry, ChannelEntry, Config } from '../../server/config.ts';
import { shippedKinds } from '../../server/kinds.ts';
import { hideSecrets } from '../../server/settings.ts';
import { settled, type Verdict, type Where } from './secrets.ts';

export interface Change {
  readonly action: 'create' | 'change' | 'remove';
  readonly kind: 'app' | 'manager' | 'channel';
  readonly name: string;
  /** `minimum: 0 -> 2`, without secrets. */
  readonly lines: readonly string[];
  readonly call: { readonly method: string; readonly path: string; readonly body?: unknown };
}

export interface Plan {
  readonly changes: readonly Change[];
  /** What the controller has and the file does not name; nothing of it is touched without `prune`. */
  readonly unnamed: readonly string[];
}

/** What the controller has. */
export interface There {
  readonly apps: readonly App[];
  readonly channels: readonly Channel[];
}

export function planFor(config: Config, there: There, prune: boolean, same: Verdict): Plan {
  const removals = removalsFor(config, there);
  return {
    changes: [
      ...config.apps.flatMap((entry) => appChanges(entry, there, same)),
      ...(config.channels ?? []).flatMap((entry) => channelChanges(entry, there, same)),
      ...(prune ? removals : []),
    ],
    unnamed: prune ? [] : removals.map(({ kind, name }) => `${kind} ${name}`),
  };
}

function appChanges(entry: AppEntry, { apps }: There, same: Verdict): Change[] {
  const { name, url } = entry;
  const known = apps.find((app) => app.name === name);
  const where: Where = { app: name, side: 'fleets' };
  const [fleet = entry.fleet] = settled(where, [entry.fleet], known ? [known.fleet] : [], same);
  const path = `/api/apps/${name}`;
  const app = { kind: 'app', name } as const;
  const own = known
    ? changed({ ...app, call: { method: 'PATCH', path } }, [
        field('url', known.url, url, null),
        choices('fleet', 'fleets', [known.fleet], [fleet], true),
      ])
    : [{ ...app, action: 'create', lines: [], call: post('/api/apps', { name, url, fleet }) } as const];
  return [...own, ...entry.managers.flatMap((manager) => managerChanges(name, manager, known, same))];
}

function managerChanges(
  app: string,
  { configHash: _, ...entry }: AppEntry['managers'][number],
  knownApp: App | undefined,
  same: Verdict,
): Change[] {
  const { processType } = entry;
  const known = knownApp?.managers.find((manager) => manager.processType === processType);
  const side = (name: 'meters' | 'rules' | 'limits'): Choice[] =>
    settled({ app, processType, side: name }, [...entry[name]].map(copied), known?.[name] ?? [], same);
  const wanted = { ...entry, meters: side('meters'), rules: side('rules'), limits: side('limits') };
  const manager = { kind: 'manager', name: `${app} ${processType}` } as const;
  const path = `/api/apps/${app}/managers`;
  if (!known) return [{ ...manager, action: 'create', lines: [], call: post(path, wanted) }];
  return changed({ ...manager, call: { method: 'PATCH', path: `${path}/${processType}` } }, [
    ...(['minimum', 'maximum', 'paused'] as const).map((key) => field(key, known[key], wanted[key])),
    field('dryRun', known.dryRun ?? false, wanted.dryRun ?? false),
    ...(['meters', 'rules', 'limits'] as const).map((key) => choices(key, key, known[key], wanted[key])),
    field('combine', known.combine, wanted.combine, null),
  ]);
}

function channelChanges(entry: ChannelEntry, { channels }: There, same: Verdict): Change[] {
  const { name, tells } = entry;
  const known = channels.find((channel) => channel.name === name);
  const where: Where = { channel: name, side: 'notifiers' };
  const given = [copied(entry.notifier)];
  const [notifier = copied(entry.notifier)] = settled(where, given, known ? [known.notifier] : [], same);
  const channel = { kind: 'channel', name } as const;
  if (!known)
    return [
      { ...channel, action: 'create', lines: [], call: post('/api/channels', { name, notifier, tells }) },
    ];
  return changed({ ...channel, call: { method: 'PATCH', path: `/api/channels/${known.id}` } }, [
    choices('notifier', 'notifiers', [known.notifier], [notifier], true),
    field('tells', known.tells, tells),
  ]);
}

/** Only within what the file speaks of: one without `channels` says nothing about them. */
function removalsFor({ apps, channels, appsNamed }: Config, there: There): Change[] {
  const entries = new Map(apps.map((entry) => [entry.name, entry]));
  const gone = (kind: Change['kind'], name: string, path: string): Change => {
    return { action: 'remove', kind, name, lines: [], call: { method: 'DELETE', path } };
  };
  const named = new Set(channels?.map(({ name }) => name));
  return [
    ...there.channels
      .filter(({ name }) => channels !== undefined && !named.has(name))
      .map(({ name, id }) => gone('channel', name, `/api/channels/${id}`)),
    ...there.apps.flatMap(({ name, managers }) => {
      const entry = entries.get(name);
      if (!entry?.managersNamed) return [];
      const kept = new Set(entry.managers.map(({ processType }) => processType));
      return managers
        .filter(({ processType }) => !kept.has(processType))
        .map(({ processType }) =>
          gone('manager', `${name} ${processType}`, `/api/apps/${name}/managers/${processType}`),
        );
    }),
    ...there.apps
      .filter(({ name }) => appsNamed && !entries.has(name))
      .map(({ name }) => gone('app', name, `/api/apps/${name}`)),
  ];
}

interface Field {
  readonly key: string;
  readonly value: unknown;
  readonly line: string;
}

function changed(change: Omit<Change, 'action' | 'lines'>, fields: readonly (Field | undefined)[]): Change[] {
  const differing = fields.filter((one) => one !== undefined);
  if (differing.length === 0) return [];
  const body = Object.fromEntries(differing.map(({ key, value }) => [key, value]));
  const lines = differing.map(({ line }) => line);
  return [{ ...change, action: 'change', lines, call: { ...change.call, body } }];
}

/** @param absent what is sent for a value that the file leaves out */
function field(key: string, before: unknown, after: unknown, absent?: null): Field | undefined {
  if (stable(before) === stable(after)) return undefined;
  return { key, value: after ?? absent, line: `${key}: ${shown(before)} -> ${shown(after)}` };
}

function choices(
  key: string,
  side: Where['side'],
  before: Manager['meters'],
  after: readonly Choice[],
  single = false,
): Field | undefined {
  if (stable(before) === stable(after)) return undefined;
  const list = (all: readonly Choice[]): string =>
    all.map((choice) => brief(side, choice)).join(', ') || 'none';
  const secret = list(before) === list(after) ? ' (another secret)' : '';
  return {
    key,
    value: single ? after[0] : after,
    line: `${key}: ${list(before)} -> ${list(after)}${secret}`,
  };
}

/** `{ use: wait-goal, goalSeconds: 30 }` */
function brief(side: Where['side'], choice: Choice): string {
  const { use, options } = hideSecrets(shippedKinds, side, choice);
  return `{ ${[['use', use], ...Object.entries(options)].map(([name, value]) => `${name}: ${value}`).join(', ')} }`;
}

function copied({
  use,
  options,
}: {
  readonly use: string;
  readonly options: Readonly<Choice['options']>;
}): Choice {
  return { use, options: { ...options } };
}

function post(path: string, body: unknown): Change['call'] {
  return { method: 'POST', path, body };
}

function shown(value: unknown): string {
  return value === undefined ? 'none' : typeof value === 'string' ? value : JSON.stringify(value);
}

/** The same text for the same value, whatever the order of its keys. */
function stable(value: unknown): string {
  return (
    JSON.stringify(value, (_, part: unknown) =>
      typeof part === 'object' && part !== null && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
        : part,
    ) ?? 'none'
  );
}
