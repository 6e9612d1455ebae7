/**
 * The text of a schedule: ranges in the time of the wall, each with the counts that hold in it.
 *
 *   mon-fri 09:00-17:30 min 2 max 10; sat,sun 00:00-24:00 max 1; 22:00-06:00 count 0
 *
 * Days left out mean every day. A range whose end is before its beginning runs over midnight and belongs to the day on
 * which it begins. The first range that matches holds. Cron expressions were rejected: they name moments, and what is
 * wanted between two moments has to be worked out by the reader.
 */
import { type WallTime, weekdays } from './wall-clock.ts';

export interface Range {
  readonly text: string;
  /** By weekday, Monday first. */
  readonly days: readonly boolean[];
  readonly fromMinute: number;
  /** Excluded; at most `fromMinute` when it runs over midnight. */
  readonly toMinute: number;
  readonly minimum?: number;
  readonly maximum?: number;
}

export type Parsed =
  | { readonly ok: true; readonly ranges: readonly Range[] }
  | { readonly ok: false; readonly problems: readonly string[] };

const example = 'write for example "mon-fri 09:00-17:30 min 2 max 10"';
const mostRanges = 50;
const mostProcesses = 10_000;

export function parseWeek(text: string): Parsed {
  const texts = text
    .split(/[;\n]/)
    .map((part) => part.trim().replace(/\s+/g, ' '))
    .filter((part) => part !== '');
  if (texts.length === 0) return { ok: false, problems: [`there is no range: ${example}`] };
  if (texts.length > mostRanges)
    return { ok: false, problems: [`there are ${texts.length} ranges, at most ${mostRanges} are read`] };
  const read = texts.map((part, place) => readRange(part, `range ${place + 1} ("${part}")`));
  const problems = read.flatMap((range) => (typeof range === 'string' ? [range] : []));
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, ranges: read.filter((range) => typeof range !== 'string') };
}

export function firstMatch(ranges: readonly Range[], { weekday, minute }: WallTime): Range | undefined {
  const yesterday = (weekday + 6) % 7;
  return ranges.find(({ days, fromMinute, toMinute }) => {
    if (fromMinute < toMinute) return days[weekday] && minute >= fromMinute && minute < toMinute;
    return (days[weekday] && minute >= fromMinute) || (days[yesterday] && minute < toMinute);
  });
}

/** A range, or what is wrong with it. */
function readRange(text: string, where: string): Range | string {
  const words = text.toLowerCase().split(' ');
  const dayWord = words[0] !== undefined && !/^\d/.test(words[0]) ? words.shift() : undefined;
  const days = daysOf(dayWord);
  if (typeof days === 'string') return `${where}: ${days}`;
  const times = timesOf(words.shift());
  if (typeof times === 'string') return `${where}: ${times}`;
  const counts = countsOf(words);
  if (typeof counts === 'string') return `${where}: ${counts}`;
  return { text, days, ...times, ...counts };
}

function daysOf(word: string | undefined): boolean[] | string {
  const days = weekdays.map(() => word === undefined);
  for (const part of word?.split(',') ?? []) {
    const [from = '', to = from, ...rest] = part.split('-').map(shortName);
    const wrong = [from, to].find((name) => !weekdays.includes(name) || rest.length > 0);
    if (wrong !== undefined) return `"${wrong || part}" is no day; write ${weekdays.join(', ')}, or mon-fri`;
    const last = weekdays.indexOf(to);
    for (let day = weekdays.indexOf(from); ; day = (day + 1) % 7) {
      days[day] = true;
      if (day === last) break;
    }
  }
  return days;
}

const longNames = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];

function shortName(day: string): string {
  return longNames.includes(day) ? day.slice(0, 3) : day;
}

function timesOf(word: string | undefined): Pick<Range, 'fromMinute' | 'toMinute'> | string {
  const match = /^(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})$/.exec(word ?? '');
  if (!match) return `${word ? `"${word}" is no time` : 'the time is missing'}; write it as 09:00-17:30`;
  const [, h1, m1, h2, m2] = match.map(Number);
  const fromMinute = Number(h1) * 60 + Number(m1);
  const toMinute = Number(h2) * 60 + Number(m2);
  if (Number(m1) > 59 || Number(m2) > 59 || fromMinute >= 1_440 || toMinute > 1_440)
    return `"${word}" is beyond the day; times go from 00:00 to 24:00`;
  if (fromMinute === toMinute) return `"${word}" is empty; write 00:00-24:00 for a whole day`;
  return { fromMinute, toMinute };
}

function countsOf(words: readonly string[]): Pick<Range, 'minimum' | 'maximum'> | string {
  const counts: { minimum?: number; maximum?: number } = {};
  for (let place = 0; place < words.length; place += 2) {
    const [name = '', value = ''] = words.slice(place, place + 2);
    const keys = { min: ['minimum'], max: ['maximum'], count: ['minimum', 'maximum'] }[name] as
      | ('minimum' | 'maximum')[]
      | undefined;
    if (!keys) return `"${name}" is not known; write min, max or count, each with a number`;
    if (!/^\d+$/.test(value) || Number(value) > mostProcesses)
      return `"${name}" needs a whole number from 0 to ${mostProcesses}${value ? `, not "${value}"` : ''}`;
    for (const key of keys) {
      if (counts[key] !== undefined) return `the ${key} is given twice; count stands for both`;
      counts[key] = Number(value);
    }
  }
  if (words.length === 0) return 'it says nothing; add min, max or count, each with a number';
  if ((counts.minimum ?? 0) > (counts.maximum ?? mostProcesses)) return 'the min is above the max';
  return counts;
}
