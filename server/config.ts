/**
 * headcount.yaml and what the command line says beside it. The file is optional; what it says is checked strictly, every
 * problem with the path of its key and the nearest known word. The whole file is checked before the first complaint,
 * so a person mends it in one go. JSON Schema was the other way: its messages name no line and suggest nothing.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { HeadcountError } from '../decide/errors.ts';
import type { Choice, OptionValue } from '../decide/words.ts';
import type { ManagerSettings } from '../store/store.ts';
import { checkShape, type RawChoice, type RawConfig } from './config-shape.ts';

export interface Config {
  /** 0: any free port. */
  readonly port: number;
  readonly host: string;
  /** Folder of the embedded store, of what fleets keep, and of controller.json. */
  readonly data: string;
  /** Absent: the embedded store in `data`. */
  readonly databaseUrl?: string;
  /** The address that browsers use, where a proxy stands before this one: `https://headcount.example.com`. */
  readonly publicUrl?: string;
  readonly intervalSeconds: number;
  /** Networks that addresses entered by people may lead into; `true`: all. Absent: only the public internet. */
  readonly allowPrivateAddresses?: true | readonly string[];
  readonly apps: readonly AppEntry[];
  /** The file that was read. */
  readonly file?: string;
}

export interface AppEntry {
  readonly name: string;
  readonly url?: string;
  readonly fleet: Choice;
  /** SHA-256 of the entry without its managers. */
  readonly configHash: string;
  readonly managers: readonly (ManagerSettings & { readonly configHash: string })[];
}

export type ConfigOverrides = Partial<
  Pick<Config, 'port' | 'host' | 'data' | 'databaseUrl' | 'publicUrl' | 'intervalSeconds'>
> & {
  /** Where a relative `data` of the overrides and the default file are looked for. Default: the working folder. */
  readonly cwd?: string;
  /** Default: the environment of this process. DATABASE_URL is read from it. */
  readonly env?: Readonly<Record<string, string | undefined>>;
};

/** Options of adapters that name a file or folder; a relative one starts at the configuration file. */
const pathOptions: readonly string[] = ['file', 'folder', 'procfile', 'env-file'];
const sizeLimitBytes = 1_000_000;

/**
 * Reads the file at `path`, or `headcount.yaml` in the working folder where there is one.
 *
 * @throws HeadcountError CONFIG_UNREADABLE (missing, or not YAML: names line and column), CONFIG_INVALID
 */
export async function loadConfig(path: string | undefined, overrides: ConfigOverrides = {}): Promise<Config> {
  const cwd = overrides.cwd ?? process.cwd();
  const file = resolve(cwd, path ?? 'headcount.yaml');
  const text = await readText(file, path !== undefined);
  const raw = text === undefined ? {} : parse(text, path ?? 'headcount.yaml');
  const folder = text === undefined ? cwd : dirname(file);
  const env = overrides.env ?? process.env;
  const databaseUrl = overrides.databaseUrl ?? (env.DATABASE_URL || undefined);
  const publicUrl = overrides.publicUrl ?? raw.publicUrl;
  return {
    port: overrides.port ?? raw.port ?? 4700,
    host: overrides.host ?? raw.host ?? '127.0.0.1',
    data: overrides.data ? resolve(cwd, overrides.data) : resolve(folder, raw.data ?? '.headcount'),
    ...(databaseUrl && { databaseUrl }),
    ...(publicUrl && { publicUrl: publicUrl.replace(/\/+$/, '') }),
    intervalSeconds: overrides.intervalSeconds ?? raw.intervalSeconds ?? 10,
    ...(raw.allowPrivateAddresses && { allowPrivateAddresses: raw.allowPrivateAddresses }),
    apps: Object.entries(raw.apps ?? {}).map(([name, app]) => appEntry(name, app, folder)),
    ...(text !== undefined && { file }),
  };
}

async function readText(file: string, required: boolean): Promise<string | undefined> {
  try {
    const bytes = await readFile(file);
    if (bytes.length <= sizeLimitBytes) return bytes.toString('utf8');
    throw unreadable(file, `it is larger than ${sizeLimitBytes / 1e6} MB`, 'Give a configuration file.');
  } catch (error) {
    if (error instanceof HeadcountError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT')
      throw unreadable(file, message, 'Make it readable, or name another with --config.');
    if (!required) return undefined;
    throw unreadable(file, 'there is no such file', 'Name another with --config.');
  }
}

function parse(text: string, name: string): RawConfig {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = document.errors;
  if (error) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw unreadable(name, `line ${line}, column ${col}: ${error.message}`, 'Mend that line.');
  }
  const lineOf = (path: readonly (string | number)[]): number | undefined => {
    const node = document.getIn(path, true) as { range?: [number, number, number] } | undefined;
    return node?.range ? lines.linePos(node.range[0]).line : undefined;
  };
  return checkShape(document.toJS({ maxAliasCount: 20 }) ?? {}, name, lineOf);
}

function unreadable(file: string, why: string, todo: string): HeadcountError {
  return new HeadcountError('CONFIG_UNREADABLE', `The configuration ${file} cannot be read`, why, todo);
}

function appEntry(name: string, raw: NonNullable<RawConfig['apps']>[string], folder: string): AppEntry {
  const fleet = raw.fleet ? choiceOf(raw.fleet, folder) : { use: 'dry-run', options: {} };
  const entry = { ...(raw.url && { url: raw.url.replace(/\/+$/, '') }), fleet };
  const managers = Object.entries(raw.managers ?? {}).map(([processType, manager]) => {
    const settings = withDefaults({
      processType,
      minimum: manager.minimum,
      maximum: manager.maximum,
      paused: manager.paused ?? false,
      ...(manager.combine !== undefined && { combine: manager.combine }),
      ...(manager.meters && { meters: manager.meters.map((choice) => choiceOf(choice, folder)) }),
      ...(manager.rules && { rules: manager.rules.map((choice) => choiceOf(choice, folder)) }),
      ...(manager.limits && { limits: manager.limits.map((choice) => choiceOf(choice, folder)) }),
    });
    return { ...settings, configHash: hashOf(settings) };
  });
  return { name, ...entry, configHash: hashOf(entry), managers };
}

/** What was left out of a manager: with meters and no rule, the goal of a wait; without meters, only the bounds. */
export function withDefaults(
  given: Pick<ManagerSettings, 'processType' | 'minimum' | 'maximum'> & Partial<ManagerSettings>,
): ManagerSettings {
  const meters = given.meters ?? [];
  return {
    processType: given.processType,
    minimum: given.minimum,
    maximum: given.maximum,
    paused: given.paused ?? false,
    meters,
    rules: given.rules ?? (meters.length > 0 ? [{ use: 'wait-goal', options: {} }] : []),
    limits: given.limits ?? [],
    ...(given.combine !== undefined && { combine: given.combine }),
  };
}

function choiceOf(raw: RawChoice, folder: string): Choice {
  const { use, ...given } = raw;
  const options: Record<string, OptionValue> = {};
  for (const [name, value] of Object.entries(given))
    options[name] = pathOptions.includes(name) && typeof value === 'string' ? inFolder(folder, value) : value;
  return { use, options };
}

function inFolder(folder: string, path: string): string {
  return isAbsolute(path) ? path : resolve(folder, path);
}

function hashOf(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(value)))
    .digest('hex');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, entry]) => [key, sorted(entry)]),
  );
}
