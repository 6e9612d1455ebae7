/**
 * headcount.yaml and what the command line says beside it. The file is optional; what it says is checked strictly, every
 * problem with the path of its key and the nearest known word. The whole file is checked before the first complaint,
 * so a person mends it in one go. JSON Schema was the other way: its messages name no line and suggest nothing.
 */
import { createHash } from 'node:crypto';
import { dirname, isAbsolute, resolve } from 'node:path';
import type { Choice, OptionValue } from '../decide/words.ts';
import type { Channel, ManagerSettings, Tells } from '../store/store.ts';
import type { SingleSignOn } from './access/options.ts';
import { checkShape, type RawChoice, type RawConfig } from './config-shape.ts';
import { type Environment, parseText, readText } from './config-text.ts';
import { shippedKinds } from './kinds.ts';

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
  /**
   * Networks that addresses entered by people may lead into; `true`: all but link-local ones. Absent: only the public
   * internet, but for apps and meters of a controller that this machine alone reaches.
   */
  readonly allowPrivateAddresses?: true | readonly string[];
  /** What Prometheus shows at /metrics instead of a login. Absent: only the key of the command line opens it. */
  readonly metricsToken?: string;
  /** Anybody may read /metrics. */
  readonly metricsOpen?: true;
  /** Where KEDA asks, by gRPC. Absent: nowhere. */
  readonly keda?: { readonly port: number; readonly host: string; readonly token?: string };
  readonly apps: readonly AppEntry[];
  /** A company's own log-in, by OpenID Connect. It needs `publicUrl`. */
  readonly singleSignOn?: SingleSignOn;
  /** True: the file speaks of apps, so that one which it does not name may be taken for one that is not wanted. */
  readonly appsNamed?: true;
  /** Absent: the file says nothing of channels. */
  readonly channels?: readonly ChannelEntry[];
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
  /** Absent: the file says nothing of its managers, which is not the same as that there are none. */
  readonly managersNamed?: true;
}

export type ChannelEntry = Pick<Channel, 'name' | 'notifier' | 'tells'> & { readonly configHash: string };

export type ConfigOverrides = Partial<
  Pick<Config, 'port' | 'host' | 'data' | 'databaseUrl' | 'publicUrl' | 'intervalSeconds'>
> & {
  /** Where a relative `data` of the overrides and the default file are looked for. Default: the working folder. */
  readonly cwd?: string;
  /** Default: the environment of this process. DATABASE_URL and each `${NAME}` of the file are read from it. */
  readonly env?: Environment;
  /** A secret whose variable is not set becomes the dots that mean "as it was", instead of a problem. */
  readonly keepSecrets?: boolean;
};

/** Options of adapters that name a file or folder; a relative one starts at the configuration file. */
const pathOptions: readonly string[] = ['file', 'folder', 'procfile', 'env-file'];

/**
 * Reads the file at `path`, or `headcount.yaml` in the working folder where there is one.
 *
 * @throws HeadcountError CONFIG_UNREADABLE (missing, or not YAML: names line and column), CONFIG_INVALID
 */
export async function loadConfig(path: string | undefined, overrides: ConfigOverrides = {}): Promise<Config> {
  const cwd = overrides.cwd ?? process.cwd();
  const file = resolve(cwd, path ?? 'headcount.yaml');
  const text = await readText(file, path !== undefined);
  const env = overrides.env ?? process.env;
  const raw = text === undefined ? {} : read(text, path ?? 'headcount.yaml', env, overrides);
  const folder = text === undefined ? cwd : dirname(file);
  const databaseUrl = overrides.databaseUrl ?? (env.DATABASE_URL || undefined);
  const publicUrl = overrides.publicUrl ?? raw.publicUrl;
  return {
    port: overrides.port ?? raw.port ?? 4700,
    host: overrides.host ?? raw.host ?? '127.0.0.1',
    data: overrides.data ? resolve(cwd, overrides.data) : resolve(folder, raw.data ?? '.headcount'),
    ...(databaseUrl && { databaseUrl }),
    ...(publicUrl && { publicUrl: publicUrl.replace(/\/+$/, '') }),
    intervalSeconds: overrides.intervalSeconds ?? raw.intervalSeconds ?? 10,
    ...(raw.allowPrivateAddresses !== undefined && {
      allowPrivateAddresses: raw.allowPrivateAddresses || [],
    }),
    ...(raw.metricsToken && { metricsToken: raw.metricsToken }),
    ...(raw.metricsOpen && { metricsOpen: raw.metricsOpen }),
    ...(raw.keda && { keda: { host: '127.0.0.1', ...defined(raw.keda) } }),
    ...(raw.singleSignOn && { singleSignOn: raw.singleSignOn }),
    apps: Object.entries(raw.apps ?? {}).map(([name, app]) => appEntry(name, app, folder)),
    ...(raw.apps && { appsNamed: true }),
    ...(raw.channels && { channels: channelEntries(raw.channels, folder) }),
    ...(text !== undefined && { file }),
  };
}

function read(
  text: string,
  name: string,
  env: Environment,
  { keepSecrets = false }: ConfigOverrides,
): RawConfig {
  const { value, placeOf, unset } = parseText(text, name, env, keepSecrets);
  const problems = unset.map(({ path, name: variable }) => ({
    path,
    text: `the environment variable ${variable} is not set`,
  }));
  return checkShape(value, name, placeOf, shippedKinds, problems);
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
      ...(manager.dryRun !== undefined && { dryRun: manager.dryRun }),
      ...(manager.combine !== undefined && { combine: manager.combine }),
      ...(manager.meters && { meters: manager.meters.map((choice) => choiceOf(choice, folder)) }),
      ...(manager.rules && { rules: manager.rules.map((choice) => choiceOf(choice, folder)) }),
      ...(manager.limits && { limits: manager.limits.map((choice) => choiceOf(choice, folder)) }),
    });
    return { ...settings, configHash: hashOf(settings) };
  });
  const named = raw.managers && { managersNamed: true as const };
  return { name, ...entry, configHash: hashOf(entry), managers, ...named };
}

function channelEntries(raw: NonNullable<RawConfig['channels']>, folder: string): ChannelEntry[] {
  return Object.entries(raw).map(
    ([
      name,
      {
        notifier,
        tells: { apps, quiet, ...rest },
      },
    ]) => {
      const tells: Tells = { ...rest, ...(apps && { apps }), ...(quiet && { quiet }) };
      const entry = { notifier: choiceOf(notifier, folder), tells };
      return { name, ...entry, configHash: hashOf(entry) };
    },
  );
}

function defined({ port, host, token }: NonNullable<RawConfig['keda']>): {
  port: number;
  host?: string;
  token?: string;
} {
  return { port, ...(host !== undefined && { host }), ...(token !== undefined && { token }) };
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
    ...(given.dryRun !== undefined && { dryRun: given.dryRun }),
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
