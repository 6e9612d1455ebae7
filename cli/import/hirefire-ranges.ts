/** HireFire's time ranges as a schedule. */
import type { Choice } from '../../server/api.ts';

const days = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];

/** The first that matches holds, there as here. */
export function scheduleOf(
  ranges: readonly Readonly<Record<string, unknown>>[] | undefined,
  timeZone: string | undefined,
  where: string,
  left: string[],
): Choice[] {
  if (!ranges) left.push(`${where}: its time ranges could not be listed; if it has any, write a schedule`);
  if (!ranges || ranges.length === 0) return [];
  const texts = ranges
    .toSorted((a, b) => Number(a.position ?? 0) - Number(b.position ?? 0))
    .flatMap((range) => {
      const text = rangeOf(range);
      if (text === undefined)
        left.push(`${where}: a time range is empty or broken: ${JSON.stringify(range)}`);
      return text ?? [];
    });
  const zone = timeZone !== undefined && isZone(timeZone) ? timeZone : 'UTC';
  if (timeZone !== undefined && zone !== timeZone)
    left.push(
      `${where}: write the time zone of its schedule, such as "Europe/Berlin"; HireFire calls it "${timeZone}"`,
    );
  return texts.length > 0 ? [{ use: 'schedule', options: { ranges: texts.join('; '), timeZone: zone } }] : [];
}

function rangeOf(range: Readonly<Record<string, unknown>>): string | undefined {
  const [from, until] = [Number(range.from_minute), Number(range.until_minute)];
  const names = days.filter((day) => range[day] === true).map((day) => day.slice(0, 3));
  const { minimum, maximum } = range;
  const numbers = [from, until, minimum, maximum].map(Number);
  if (names.length === 0 || from === until || !numbers.every((each) => Number.isInteger(each) && each >= 0))
    return undefined;
  // The last minute of the day is as far as HireFire's form goes.
  const end = until === 1_439 ? 1_440 : until;
  return `${names.join(',')} ${clock(from)}-${clock(end)} min ${minimum} max ${maximum}`;
}

function clock(minute: number): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
}

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
