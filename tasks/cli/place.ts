/** Which app a command works on: one that a module exports, or a bare one at the address of a broker. */
import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import { createApp, type TasksApp } from '../app.ts';
import type { Beat } from '../beat/beat.ts';
import { oneOf, timeout } from './arguments.ts';
import { Ended, exitCodes } from './ended.ts';

export interface PlaceOptions {
  readonly app?: string;
  readonly broker?: string;
  readonly results?: string;
  readonly keyPrefix?: string;
  readonly timeout?: number;
}

export interface Loaded {
  readonly app: TasksApp;
  /** The module's export named beat. */
  readonly beat?: Beat;
  /** Where the module is; undefined for a bare app. */
  readonly module?: URL;
}

const defaultTimeoutSeconds = 10;

/** The flags of every command that only talks to a broker. */
export function withPlace(command: Command): Command {
  return command
    .option('-A, --app <module>', 'module that exports the app; default: HEADCOUNT_TASKS_APP')
    .option(
      '-b, --broker <address>',
      'redis://…, amqp://… or sqlite:… (see the README for more); default: BROKER_URL',
    )
    .option('--key-prefix <text>', "Celery's global_keyprefix, on Redis")
    .option('-t, --timeout <seconds>', `the longest it may take; default: ${defaultTimeoutSeconds}`, timeout);
}

/** The flags of `worker` and `beat`, which need the module. */
export function withModule(command: Command): Command {
  return command
    .option('-A, --app <module>', 'module that exports the app; default: HEADCOUNT_TASKS_APP')
    .option('--log <level>', 'info or warn', oneOf('info', 'warn'), 'info');
}

/** What a flag says goes before the environment, and a module before an address. */
export async function openPlace(options: PlaceOptions): Promise<Loaded> {
  const { HEADCOUNT_TASKS_APP, BROKER_URL, RESULTS_URL } = process.env;
  if (options.app && options.broker) throw wrong('Give --app or --broker, not both');
  if (options.app) return loadModule(options.app);
  if (!options.broker && HEADCOUNT_TASKS_APP) return loadModule(HEADCOUNT_TASKS_APP);
  const broker = options.broker ?? BROKER_URL;
  if (!broker)
    throw wrong(
      'No broker is named. Give --app ./tasks.js or --broker redis://127.0.0.1:6379/0, or set BROKER_URL',
    );
  const results = options.results ?? RESULTS_URL;
  const redis = options.keyPrefix ? { redis: { keyPrefix: options.keyPrefix } } : {};
  return { app: createApp({ broker, ...(results ? { results } : {}), ...redis }) };
}

/** As openPlace, for what cannot do without tasks: a worker of none would set every message aside. */
export async function openModule(given: string | undefined): Promise<Loaded & { readonly module: URL }> {
  const path = given ?? process.env.HEADCOUNT_TASKS_APP;
  if (!path)
    throw wrong('No module is named. Give --app ./tasks.js, which exports what createApp() answered');
  return loadModule(path);
}

async function loadModule(path: string): Promise<Loaded & { readonly module: URL }> {
  const file = resolve(path);
  if (!existsSync(file))
    throw wrong(`There is no module ${path}. Give the path of a file, such as ./tasks.js`);
  if (statSync(file).isDirectory()) throw wrong(`${path} is a folder. Give a file, such as ./tasks.js`);
  const url = pathToFileURL(file);
  const exported = (await import(url.href).catch((error: unknown) => {
    if ((error as { code?: unknown }).code !== 'ERR_UNKNOWN_FILE_EXTENSION') throw error;
    throw wrong(
      `This Node cannot read ${path}. Build it first, or: npm i -D tsx, and NODE_OPTIONS="--import tsx" headcount-tasks …`,
    );
  })) as Readonly<Record<string, unknown>>;
  const app = [exported.default, exported.app].find(isApp);
  if (!app)
    throw wrong(
      `${path} exports no app. Export what createApp() answered, as "export const app" or as its default`,
    );
  const { beat } = exported;
  return { app, module: url, ...(isBeat(beat) ? { beat } : {}) };
}

/** Runs a command on its app, within its time, and closes the app whatever happens. */
export async function withApp(
  options: PlaceOptions,
  work: (app: TasksApp, timeoutMs: number) => Promise<void>,
): Promise<void> {
  const { app } = await openPlace(options);
  const timeoutMs = (options.timeout ?? defaultTimeoutSeconds) * 1000;
  try {
    await inTime(work(app, timeoutMs), timeoutMs);
  } finally {
    await closeSoon(app);
  }
}

/** Ends with 75 when the time is over, and with 130 at Ctrl-C. The work itself goes on; the program does not. */
export async function inTime<T>(
  work: Promise<T>,
  limitMs: number,
  whenInterrupted: () => string = () => 'interrupted',
): Promise<T> {
  let onSignal: () => void = () => {};
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Ended(exitCodes.late, `no answer within ${limitMs / 1000} s; --timeout allows more`)),
      limitMs,
    );
    onSignal = () => reject(new Ended(exitCodes.interrupted, whenInterrupted()));
    process.once('SIGINT', onSignal);
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
    process.off('SIGINT', onSignal);
    work.catch(() => {});
  }
}

const closeLimitMs = 2_000;

/** A server that went away must not keep a command that is done. */
export async function closeSoon(app: TasksApp): Promise<void> {
  const limit = new Promise((resolve) => setTimeout(resolve, closeLimitMs).unref());
  await Promise.race([app.close().catch(() => {}), limit]);
}

export function wrong(text: string): Ended {
  return new Ended(exitCodes.usage, `${text}.`);
}

function isApp(value: unknown): value is TasksApp {
  const app = value as Partial<TasksApp> | undefined | null;
  return typeof app?.worker === 'function' && typeof app.send === 'function';
}

function isBeat(value: unknown): value is Beat {
  const beat = value as Partial<Beat> | undefined | null;
  return typeof beat?.run === 'function' && typeof beat.entries?.list === 'function';
}
