/**
 * One line per app for the overview: its managers summed, sorted and filtered. Pure: time is an argument.
 *
 * A sum in which something is unknown is only a part of the truth and says so; where nothing of it is known there is no
 * number at all. What is unknown sorts last in either direction, because it is neither little nor much.
 */
import type { OverviewApp, OverviewManager } from '../server/api-overview.ts';
import { needsAttention, oldestWait, type State, statesOf, type Tone } from './manager-state.ts';

export interface Sum {
  readonly value: number;
  /** It is at least this: some of it is unknown. */
  readonly partial: boolean;
}

export interface AppLine {
  readonly app: OverviewApp;
  /** The most pressing state of any of its managers. Absent: it has none. */
  readonly worst?: State;
  /** How many managers want a look. */
  readonly pressed: number;
  readonly current?: Sum;
  readonly desired?: Sum;
  /** Absent: unknown, or measured by nobody (`measured` tells). */
  readonly waiting?: Sum;
  readonly oldest?: Sum;
  readonly measured: boolean;
  /** The oldest wait of some manager is over its goal. */
  readonly late: boolean;
  readonly cost?: Sum;
  readonly issues: number;
}

export const overviewColumns = [
  { key: 'state', label: 'State' },
  { key: 'name', label: 'Name' },
  { key: 'workers', label: 'Workers' },
  { key: 'waiting', label: 'Waiting' },
  { key: 'oldest', label: 'Oldest wait' },
  { key: 'cost', label: 'Cost today' },
  { key: 'issues', label: 'Issues' },
] as const;

export type OverviewOrder = (typeof overviewColumns)[number]['key'];

export const overviewShows = [
  { value: 'attention', label: 'To look at' },
  { value: 'busy', label: 'At work' },
  { value: 'set', label: 'Overruled' },
  { value: 'quiet', label: 'Quiet' },
] as const;

export type OverviewShow = (typeof overviewShows)[number]['value'];

export interface OverviewSearch {
  readonly sort?: OverviewOrder;
  readonly turned?: true;
  readonly show?: OverviewShow;
}

/** From the address; what is not understood is left out. */
export function overviewSearch({ sort, turned, show }: Record<string, unknown>): OverviewSearch {
  const column = overviewColumns.find(({ key }) => key === sort)?.key;
  const shown = overviewShows.find(({ value }) => value === show)?.value;
  return {
    ...(column && { sort: column }),
    ...(turned === true && { turned }),
    ...(shown && { show: shown }),
  };
}

const urgency: readonly Tone[] = ['bad', 'unknown', 'warn', 'set', 'busy', 'calm'];

export function lineOf(app: OverviewApp, issues: number, now: number): AppLine {
  const { managers } = app;
  const states = managers.map((manager) => statesOf(manager, manager.goalSeconds, now));
  const worst = states
    .flat()
    .sort((a, b) => urgency.indexOf(a.tone) - urgency.indexOf(b.tone))
    .at(0);
  const measured = managers.filter((manager) => manager.measured);
  const sums = {
    current: sum(managers, ({ latest }) => latest?.current),
    desired: sum(managers, ({ latest }) => latest?.desired),
    waiting: sum(measured, (manager) => known(manager)?.waiting),
    oldest: highest(measured, waitOf),
    cost: app.today && {
      value: app.today.spent,
      partial: app.today.unpriced.length > 0 || app.today.unknownHours > 0,
    },
  };
  return {
    app,
    ...(worst && { worst }),
    pressed: states.filter(needsAttention).length,
    ...present(sums),
    measured: measured.length > 0,
    late: managers.some(
      (manager) => (waitOf(manager) ?? 0) > (manager.goalSeconds ?? Number.POSITIVE_INFINITY),
    ),
    issues,
  };
}

/** What was measured, unless that failed. */
function known({ latest, unknown }: OverviewManager): OverviewManager['latest'] {
  return unknown === undefined && latest?.unknown === 0 ? latest : undefined;
}

function waitOf(manager: OverviewManager): number | undefined {
  const latest = known(manager);
  return latest && oldestWait(latest);
}

type Of = (manager: OverviewManager) => number | undefined;

function sum(managers: readonly OverviewManager[], of: Of): Sum | undefined {
  const numbers = managers.flatMap((manager) => of(manager) ?? []);
  if (numbers.length === 0) return undefined;
  const value = numbers.reduce((total, number) => total + number, 0);
  return { value, partial: numbers.length < managers.length };
}

function highest(managers: readonly OverviewManager[], of: Of): Sum | undefined {
  const numbers = managers.flatMap((manager) => of(manager) ?? []);
  return numbers.length === 0
    ? undefined
    : { value: Math.max(...numbers), partial: numbers.length < managers.length };
}

type Sums = Pick<AppLine, 'current' | 'desired' | 'waiting' | 'oldest' | 'cost'>;

function present(sums: { readonly [K in keyof Sums]: Sum | undefined }): Sums {
  return Object.fromEntries(Object.entries(sums).filter(([, value]) => value !== undefined));
}

const texts = new Intl.Collator('en', { numeric: true });

/** The most pressing, the most, the longest first; names from A. */
export function sortedLines(lines: readonly AppLine[], sort: OverviewOrder, turned: boolean): AppLine[] {
  const way = turned ? -1 : 1;
  return [...lines].sort((a, b) => {
    const by = sort === 'name' ? 0 : compare(orderOf(a, sort), orderOf(b, sort), way);
    const names = texts.compare(a.app.name, b.app.name);
    return by || (sort === 'name' ? way * names : names);
  });
}

function compare(a: number | undefined, b: number | undefined, way: number): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  return way * (b - a);
}

function orderOf(line: AppLine, sort: OverviewOrder): number | undefined {
  if (sort === 'state')
    return line.worst && (line.pressed > 0 ? 1_000 : 0) - urgency.indexOf(line.worst.tone);
  if (sort === 'workers') return line.current?.value;
  if (sort === 'issues') return line.issues;
  return sort === 'name' ? undefined : line[sort]?.value;
}

/** By the name of the app or of one of its process types, and by what it does. */
export function isShown(line: AppLine, text: string, show: OverviewShow | undefined): boolean {
  const names = [line.app.name, ...line.app.managers.map(({ processType }) => processType)];
  return names.some((name) => name.toLowerCase().includes(text)) && (show === undefined || does(line, show));
}

function does({ worst, pressed, app }: AppLine, show: OverviewShow): boolean {
  if (show === 'attention') return pressed > 0;
  if (show === 'set')
    return app.managers.some(({ paused, dryRun, hold }) => paused || dryRun === true || hold !== undefined);
  if (show === 'busy') return worst?.tone === 'busy';
  return worst === undefined || worst.tone === 'calm';
}
