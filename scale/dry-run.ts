/** Changes nothing: remembers what it was told, answers with it, and logs what it would have done. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { OptionSpec, Options } from '../decide/options.ts';
import type { Formation, Process } from '../decide/words.ts';
import { checkDesired, type Fleet, type FleetKind, type FleetSurroundings } from './fleet.ts';
import { readJson, replaceFile } from './local/records.ts';

const options: readonly OptionSpec[] = [
  {
    name: 'processTypes',
    label: 'Process types',
    help: 'The process types of the app, with commas between them. Absent: it takes any name.',
    type: 'text',
    optional: true,
  },
];

export const dryRun: FleetKind = {
  use: 'dry-run',
  title: 'Dry run',
  help: 'Changes nothing and remembers what it would have done. Watch decisions here before you trust them.',
  options,
  create: async (given, surroundings) => createDryRun(given, surroundings),
};

interface Told {
  readonly count: number;
  readonly since: number;
}

function createDryRun(given: Options, { folder, now, log }: FleetSurroundings): Fleet {
  const declared = given.processTypes === undefined ? undefined : splitNames(String(given.processTypes));
  const file = join(folder, 'dry-run.json');
  const told = new Map<string, Told>(Object.entries(readTold(file)));
  mkdirSync(folder, { recursive: true });
  return {
    name: 'dry-run',
    async count(signal) {
      signal.throwIfAborted();
      const types = declared ?? [...told.keys()];
      return Object.fromEntries(
        types.map((type) => [type, pretend(type, told.get(type))]),
      ) satisfies Formation;
    },
    async scaleTo(desired, signal) {
      signal.throwIfAborted();
      checkDesired('dry-run', desired, declared);
      for (const [type, count] of Object.entries(desired)) {
        const before = told.get(type)?.count ?? 0;
        if (count === before && told.has(type)) continue;
        told.set(type, { count, since: now() });
        log(type, `dry run: would scale from ${before} to ${count}`);
      }
      replaceFile(file, `${JSON.stringify(Object.fromEntries(told))}\n`);
    },
  };
}

function pretend(type: string, told: Told | undefined): Process[] {
  const { count, since } = told ?? { count: 0, since: 0 };
  return Array.from({ length: count }, (_, i) => ({ name: `${type}.${i + 1}`, state: 'up', since }));
}

function splitNames(text: string): string[] {
  return text.split(/[\s,]+/).filter((name) => name !== '');
}

function readTold(file: string): Record<string, Told> {
  const saved = readJson(file);
  if (typeof saved !== 'object' || saved === null) return {};
  return Object.fromEntries(Object.entries(saved).filter(([, told]) => isTold(told)));
}

function isTold(value: unknown): value is Told {
  const { count, since } = (value ?? {}) as Partial<Told>;
  return Number.isInteger(count) && Number(count) >= 0 && typeof since === 'number';
}
