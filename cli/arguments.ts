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
