/**
 * Numbers and times as people read them: thousands separated, units written, unknown said in a word. The page is
 * English, so numbers are too; times stand in the reader's zone.
 */
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const clockSeconds = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});
const day = new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', month: 'short' });
const date = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const full = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'long' });

const dollars = new Intl.NumberFormat('en', { style: 'currency', currency: 'USD' });
const rates = new Intl.NumberFormat('en', { style: 'currency', currency: 'USD', maximumFractionDigits: 4 });
const cents = new Intl.NumberFormat('en', {
  style: 'currency',
  currency: 'USD',
  maximumSignificantDigits: 2,
});

export const unknownWord = 'unknown';

export function count(value: number | undefined): string {
  return value === undefined ? unknownWord : (Number.isInteger(value) ? whole : tenths).format(value);
}

/** For axes: 1.2K, 300K. */
export function compact(value: number): string {
  return Math.abs(value) < 1_000 ? tenths.format(value) : short.format(value);
}

/** "4 ms", "0.4 s", "18 s", "1 min 30 s", "2 h 5 min", "3 d 4 h". */
export function seconds(value: number | undefined): string {
  if (value === undefined) return unknownWord;
  if (value > 0 && value < 0.095) return `${tenths.format(value * 1_000)} ms`;
  if (value < 10 && !Number.isInteger(value)) return `${tenths.format(value)} s`;
  const total = Math.round(value);
  if (total < 60) return `${total} s`;
  if (total < 3_600) return pair(Math.floor(total / 60), 'min', total % 60, 's');
  const minutes = Math.round(total / 60);
  if (minutes < 1_440) return pair(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  const hours = Math.round(minutes / 60);
  return pair(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0
    ? `${whole.format(large)} ${largeUnit}`
    : `${whole.format(large)} ${largeUnit} ${small} ${smallUnit}`;
}

export function plural(number: number, one: string, many = `${one}s`): string {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** "now", "12 s ago", "in 5 min". */
export function relative(at: number, now: number): string {
  const distance = (at - now) / 1000;
  if (Math.abs(distance) < 2) return 'now';
  const text = seconds(coarse(Math.abs(distance)));
  return distance < 0 ? `${text} ago` : `in ${text}`;
}

/** Whole minutes from two minutes on, whole hours from a day on: a running clock that does not twitch. */
function coarse(value: number): number {
  if (value >= 172_800) return Math.round(value / 86_400) * 86_400;
  if (value >= 7_200) return Math.round(value / 3_600) * 3_600;
  if (value >= 120) return Math.round(value / 60) * 60;
  return Math.round(value);
}

/** "14:05", with the day when it is another one than `now`'s. */
export function clockTime(at: number, now: number, withSeconds = false): string {
  const time = (withSeconds ? clockSeconds : clock).format(at);
  return day.format(at) === day.format(now) ? time : `${day.format(at)}, ${time}`;
}

export function dayOf(at: number): string {
  return day.format(at);
}

/** Over months nobody looks for a weekday. */
export function dateOf(at: number): string {
  return date.format(at);
}

export function fullTime(at: number): string {
  return full.format(at);
}

/** Platforms tell their prices in US dollars. Less than a cent keeps two digits. */
export function money(value: number | undefined): string {
  if (value === undefined) return unknownWord;
  return (value > 0 && value < 0.005 ? cents : dollars).format(value);
}

/** A price of an hour, of which tenths of a cent matter over a month. */
export function price(value: number): string {
  return rates.format(value);
}
