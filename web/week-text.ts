/**
 * The text of a week's ranges, read into what an editor shows and written back. Pure. The controller reads the same text and
 * says what is wrong with it; here a range that says nothing yet is let through, because somebody is still typing it.
 * A text that is understood only in part is not edited as ranges: what was not understood would be lost.
 */
export interface WeekRange {
  /** Monday first; at least one. */
  readonly days: readonly boolean[];
  /** Minutes since midnight; the end may be before the beginning, over midnight. */
  readonly from: number;
  readonly to: number;
  readonly minimum?: number;
  readonly maximum?: number;
}

export const dayNames = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const longNames = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];

export function readWeek(text: string): WeekRange[] | undefined {
  const parts = text
    .split(/[;\n]/)
    .map((part) => part.trim().toLowerCase())
    .filter((part) => part !== '');
  const ranges = parts.map(readRange);
  return ranges.every((range) => range !== undefined) ? ranges : undefined;
}

export function writeWeek(ranges: readonly WeekRange[]): string {
  return ranges
    .map((range) => [
      daysText(range.days),
      `${timeText(range.from)}-${timeText(range.to)}`,
      countsText(range),
    ])
    .map((words) => words.filter((word) => word !== '').join(' '))
    .join('; ');
}

/** What is wrong in a word, for the form. */
export function weekProblem(text: string): string | undefined {
  const ranges = readWeek(text);
  if (!ranges) return 'This cannot be read as ranges of a week.';
  if (ranges.length === 0) return 'There must be a range.';
  if (ranges.some(({ from, to }) => from === to)) return 'A range is empty: its end is its beginning.';
  if (ranges.some(({ minimum, maximum }) => minimum === undefined && maximum === undefined))
    return 'Each range needs a minimum or a maximum.';
  if (ranges.some(({ minimum = 0, maximum = Number.POSITIVE_INFINITY }) => minimum > maximum))
    return 'A minimum is above its maximum.';
  return undefined;
}

/** For each day and hour the place of the range that holds when the hour begins; undefined: none. */
export function hoursOf(ranges: readonly WeekRange[]): (number | undefined)[][] {
  return dayNames.map((_, day) =>
    Array.from({ length: 24 }, (__, hour) => {
      const found = ranges.findIndex((range) => holds(range, day, hour * 60));
      return found < 0 ? undefined : found;
    }),
  );
}

function holds({ days, from, to }: WeekRange, day: number, minute: number): boolean {
  if (from < to) return days[day] === true && minute >= from && minute < to;
  const yesterday = (day + 6) % 7;
  return (days[day] === true && minute >= from) || (days[yesterday] === true && minute < to);
}

export function timeText(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
}

/** Minutes since midnight of "09:30"; undefined where it is no time. */
export function minuteOf(text: string): number | undefined {
  const [, hours, minutes] = /^(\d{1,2}):(\d{2})$/.exec(text) ?? [];
  if (hours === undefined || minutes === undefined || Number(minutes) > 59) return undefined;
  const minute = Number(hours) * 60 + Number(minutes);
  return minute <= 1_440 ? minute : undefined;
}

/** "mon-fri", "sat,sun"; nothing for every day. */
export function daysText(days: readonly boolean[]): string {
  if (days.every(Boolean)) return '';
  const runs: [number, number][] = [];
  days.forEach((on, day) => {
    const last = runs.at(-1);
    if (on && last && last[1] === day - 1) last[1] = day;
    else if (on) runs.push([day, day]);
  });
  return runs
    .map(([first, last]) => (last - first > 1 ? [first, last] : first === last ? [first] : [first, last]))
    .map((run) => run.map((day) => dayNames[day]).join((run[1] ?? 0) - (run[0] ?? 0) > 1 ? '-' : ','))
    .join(',');
}

function countsText({ minimum, maximum }: WeekRange): string {
  if (minimum !== undefined && minimum === maximum) return `count ${minimum}`;
  return [
    ...(minimum === undefined ? [] : [`min ${minimum}`]),
    ...(maximum === undefined ? [] : [`max ${maximum}`]),
  ].join(' ');
}

function readRange(text: string): WeekRange | undefined {
  const words = text.split(/\s+/);
  const dayWord = /^\d/.test(words[0] ?? '') ? undefined : words.shift();
  const days = dayWord === undefined ? dayNames.map(() => true) : readDays(dayWord);
  const [from, to, ...more] = (words.shift() ?? '').split('-').map(minuteOf);
  const counts = readCounts(words);
  if (!days || from === undefined || from >= 1_440 || to === undefined || more.length > 0) return undefined;
  return counts && { days, from, to, ...counts };
}

function readDays(word: string): boolean[] | undefined {
  const days = dayNames.map(() => false);
  for (const part of word.split(',')) {
    const ends = part.split('-').map((name) => Math.max(indexOf(dayNames, name), longNames.indexOf(name)));
    const [from = -1, to = from] = ends;
    if (from < 0 || to < 0 || ends.length > 2) return undefined;
    for (let day = from; ; day = (day + 1) % 7) {
      days[day] = true;
      if (day === to) break;
    }
  }
  return days;
}

function indexOf(names: readonly string[], name: string): number {
  return names.indexOf(name);
}

function readCounts(words: readonly string[]): Pick<WeekRange, 'minimum' | 'maximum'> | undefined {
  const counts: { minimum?: number; maximum?: number } = {};
  for (let place = 0; place < words.length; place += 2) {
    const [name, value = ''] = words.slice(place, place + 2);
    if (!/^\d{1,5}$/.test(value) || Number(value) > 10_000) return undefined;
    if (name !== 'min' && name !== 'max' && name !== 'count') return undefined;
    if (name !== 'max' && counts.minimum !== undefined) return undefined;
    if (name !== 'min' && counts.maximum !== undefined) return undefined;
    if (name !== 'max') counts.minimum = Number(value);
    if (name !== 'min') counts.maximum = Number(value);
  }
  return counts;
}

/** By how many minutes a clock in `zone` is ahead of one in `other` at this moment; undefined: no such zone. */
export function aheadMinutes(zone: string, other: string, now: number): number | undefined {
  const [one, two] = [wall(zone, now), wall(other, now)];
  return one === undefined || two === undefined ? undefined : Math.round((one - two) / 60_000);
}

function wall(zone: string, now: number): number | undefined {
  try {
    const parts = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      hourCycle: 'h23',
    }).formatToParts(now);
    const of = (type: string): number => Number(parts.find((part) => part.type === type)?.value);
    return Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'));
  } catch {
    return undefined;
  }
}
