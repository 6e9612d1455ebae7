/** Values of flags, checked as they are read; commander prints the message behind the flag's name. */
import { existsSync, statSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';

export function port(text: string): number {
  return within(text, 0, 65_535, 'a port between 0 and 65535');
}

export function count(text: string): number {
  return within(text, 1, 10_000_000, 'a whole number from 1');
}

export function whole(text: string): number {
  return within(text, 0, 4_294_967_295, 'a whole number');
}

export function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 1 && value <= 3_600) return value;
  throw new InvalidArgumentError('Give seconds between 1 and 3600.');
}

const unitSeconds: Readonly<Record<string, number>> = {
  ms: 0.001,
  s: 1,
  m: 60,
  min: 60,
  h: 3_600,
  d: 86_400,
};

/** "30s", "1.5m", "500ms", "2h"; a bare number is seconds. */
export function duration(text: string): number {
  const [, value, unit = 's'] = /^(\d+(?:\.\d+)?) ?(ms|s|m|min|h|d)?$/.exec(text.trim()) ?? [];
  const seconds = Number(value) * (unitSeconds[unit] ?? Number.NaN);
  if (seconds >= 0 && seconds <= 31 * 86_400) return seconds;
  throw new InvalidArgumentError('Give a duration such as 30s, 500ms, 5m or 2h.');
}

/** As duration(), and not nothing. */
export function someTime(text: string): number {
  const seconds = duration(text);
  if (seconds > 0) return seconds;
  throw new InvalidArgumentError('Give a duration above zero, such as 30s.');
}

export function hours(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && value <= 24 * 400) return value;
  throw new InvalidArgumentError('Give hours above 0, at most 9600.');
}

export function upTo(most: number): (text: string) => number {
  return (text) => within(text, 1, most, `a whole number from 1 to ${most}`);
}

/** "2%" or "0.02": a share from 0 to 1. */
export function share(text: string): number {
  const [, value, percent] = /^(\d+(?:\.\d+)?) ?(%)?$/.exec(text.trim()) ?? [];
  const part = Number(value) / (percent ? 100 : 1);
  if (part >= 0 && part <= 1) return part;
  throw new InvalidArgumentError('Give a share such as 2% or 0.02.');
}

const billings = { second: 0, minute: 60, hour: 3_600 } as const;

/** Seconds of the unit that is billed; 0 where nothing is rounded. */
export function billing(text: string): number {
  if (Object.hasOwn(billings, text)) return billings[text as keyof typeof billings];
  throw new InvalidArgumentError(`Give one of ${Object.keys(billings).join(', ')}.`);
}

export function perSecond(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && value <= 10_000) return value;
  throw new InvalidArgumentError('Give a number above 0, at most 10000.');
}

/** Standard deviation over mean. */
export function spread(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 20) return value;
  throw new InvalidArgumentError('Give a number from 0 (all alike) to 20; 1 is usual, 3 has a heavy tail.');
}

const victimRules = ['free', 'suffix', 'kill'] as const;

export function victims(text: string): (typeof victimRules)[number] {
  const rule = victimRules.find((name) => name === text);
  if (rule) return rule;
  throw new InvalidArgumentError(`Give one of ${victimRules.join(', ')}.`);
}

export function folder(text: string): string {
  if (existsSync(text) && statSync(text).isDirectory()) return text;
  throw new InvalidArgumentError('There is no such folder.');
}

export function address(text: string): string {
  if (/^(redis|rediss|https?):\/\/[^\s/]+/.test(text) || /^sqlite:./.test(text)) return text;
  throw new InvalidArgumentError(
    'Give an address such as redis://127.0.0.1:6379/0, sqlite:broker.db or http://127.0.0.1:4700.',
  );
}

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof levels)[number];

export function logLevel(text: string): LogLevel {
  const level = levels.find((name) => name === text);
  if (level) return level;
  throw new InvalidArgumentError(`Give one of ${levels.join(', ')}.`);
}

function within(text: string, least: number, most: number, what: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new InvalidArgumentError(`Give ${what}.`);
}
