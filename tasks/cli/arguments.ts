/** Values of flags, checked as they are read; commander prints the message behind the flag's name. */
import { InvalidArgumentError } from 'commander';

export function count(text: string): number {
  return within(text, 1, 1_000_000, 'a whole number from 1');
}

export function countOrNone(text: string): number {
  return within(text, 0, 1_000_000, 'a whole number from 0');
}

export function priority(text: string): number {
  return within(text, 0, 9, 'a whole number from 0 to 9');
}

/** Not below zero; fractions too. */
export function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 100 * 365 * 86_400) return value;
  throw new InvalidArgumentError('Give a number of seconds.');
}

/** How long a command may take: bounded, so that a script never hangs. */
export function timeout(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && value <= 3_600) return value;
  throw new InvalidArgumentError('Give seconds above 0, at most 3600.');
}

export function list(text: string): string[] {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.every((part) => part !== '')) return parts;
  throw new InvalidArgumentError('Give names with commas between.');
}

export function jsonList(text: string): unknown[] {
  const value = parsed(text);
  if (Array.isArray(value)) return value as unknown[];
  throw new InvalidArgumentError(`Give a JSON list, such as '[1, "a"]'.`);
}

export function jsonObject(text: string): Record<string, unknown> {
  const value = parsed(text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new InvalidArgumentError(`Give a JSON object, such as '{"deep": true}'.`);
}

export function oneOf<const T extends string>(...names: readonly T[]): (text: string) => T {
  return (text) => {
    const found = names.find((name) => name === text);
    if (found !== undefined) return found;
    throw new InvalidArgumentError(`Give one of ${names.join(', ')}.`);
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function within(text: string, least: number, most: number, what: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new InvalidArgumentError(`Give ${what}.`);
}
