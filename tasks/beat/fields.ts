/**
 * The five fields of a crontab, by the grammar of Celery's own parser (celery/schedules.py, crontab_parser): lists, ranges
 * that may wrap around, steps, names of days, and since 5.3 of months. A library for cron was rejected: they all join day
 * of month and day of week with "or", where Celery's rule is "and", and none wraps ranges the same way.
 *
 * Two liberties: 7 is Sunday too, as in cron; and names count only where they mean something (Celery takes `mon` for the
 * minute 1).
 */
import { TasksError } from '../errors.ts';

/** A number, a list of numbers, or a text such as `0,15,30-45/5`. */
export type CronField = number | string | readonly number[];

export interface CronFields {
  /** 0 to 59. Default `*`. */
  readonly minute?: CronField;
  /** 0 to 23. Default `*`. */
  readonly hour?: CronField;
  /** 0 (Sunday) to 6, 7 is Sunday too; `mon` to `sun`. Default `*`. */
  readonly dayOfWeek?: CronField;
  /** 1 to 31. Default `*`. */
  readonly dayOfMonth?: CronField;
  /** 1 to 12; `jan` to `dec`. Default `*`. */
  readonly monthOfYear?: CronField;
}

interface Kind {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  /** Texts of three letters, in order from `least`. */
  readonly names: readonly string[];
}

const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

export const kinds: Readonly<Record<keyof CronFields, Kind>> = {
  minute: { name: 'minute', least: 0, most: 59, names: [] },
  hour: { name: 'hour', least: 0, most: 23, names: [] },
  dayOfWeek: { name: 'dayOfWeek', least: 0, most: 6, names: days },
  dayOfMonth: { name: 'dayOfMonth', least: 1, most: 31, names: [] },
  monthOfYear: { name: 'monthOfYear', least: 1, most: 12, names: months },
};

/** The field as a text, the form in which it is kept. @throws TasksError OPTION_INVALID for what is no field */
export function fieldText(field: keyof CronFields, value: CronField | undefined): string {
  const text = Array.isArray(value) ? value.join(',') : String(value ?? '*');
  expand(field, text);
  return text;
}

/** The values of a field in ascending order. @throws TasksError OPTION_INVALID */
export function expand(field: keyof CronFields, text: string): number[] {
  const kind = kinds[field];
  const values = text.split(',').flatMap((part) => partValues(kind, part.trim()));
  return [...new Set(values)].sort((a, b) => a - b);
}

function partValues(kind: Kind, part: string): number[] {
  const [, range = '', step] = /^([^/]*)(?:\/(\d+))?$/.exec(part) ?? wrong(kind, part);
  if (step !== undefined && Number(step) < 1) wrong(kind, part);
  const all = rangeValues(kind, range, part);
  // `5/10` is nothing in Celery; some crons read it as `5-59/10`.
  if (step !== undefined && all.length === 1 && !range.includes('-')) wrong(kind, part);
  return all.filter((_value, index) => index % Number(step ?? 1) === 0);
}

function rangeValues(kind: Kind, range: string, part: string): number[] {
  if (range === '*') return between(kind.least, kind.most);
  const ends = range.split('-');
  if (ends.length > 2) wrong(kind, part);
  const [from = 0, to = from] = ends.map((end) => numberIn(kind, end, part));
  // Sunday as 7 ends a week: 5-7 is Friday to Sunday.
  const seventh = kind === kinds.dayOfWeek && ends[1] === '7';
  const last = seventh ? 7 : to;
  const list =
    from <= last ? between(from, last) : [...between(from, kind.most), ...between(kind.least, last)];
  return kind === kinds.dayOfWeek ? list.map((day) => day % 7) : list;
}

function numberIn(kind: Kind, text: string, part: string): number {
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    if (kind === kinds.dayOfWeek && number === 7) return 0;
    return number >= kind.least && number <= kind.most ? number : wrong(kind, part);
  }
  // As Celery: the first three letters count, so that `monday` is a day.
  const index = /^[a-z]{3,}$/i.test(text) ? kind.names.indexOf(text.slice(0, 3).toLowerCase()) : -1;
  return index < 0 ? wrong(kind, part) : index + kind.least;
}

function between(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

function wrong({ name, least, most, names }: Kind, part: string): never {
  const also = names.length > 0 ? `, or names such as ${names[1]}` : '';
  throw new TasksError(
    'OPTION_INVALID',
    `"${part.slice(0, 40)}" in ${name} is not of a crontab`,
    `it must be *, a number from ${least} to ${most}${also}, a range such as ${least}-${most}, each with a step such as */5, or a list of these`,
    'Change the schedule',
  );
}
