/** `headcount eval`: asks the running controller to measure and decide now, and prints what it would do. Changes nothing. */
import type { App, Evaluation } from '../server/api.ts';
import { loadConfig } from '../server/config.ts';
import { HeadcountError, unknownName } from '../server/errors.ts';
import { call, type Target } from './call.ts';
import { findRunning, readRunning } from './running.ts';

export interface EvalOptions {
  readonly app?: string;
  readonly processType?: string;
  readonly url?: string;
  readonly config?: string;
  readonly data?: string;
  readonly json?: boolean;
}

export async function evaluate(options: EvalOptions): Promise<number> {
  const target = await findController(options);
  const apps = await call<App[]>(target, 'GET', '/api/apps');
  const evaluations: Evaluation[] = [];
  for (const { app, processType } of choose(apps, options))
    evaluations.push(
      await call<Evaluation>(target, 'POST', `/api/apps/${app}/managers/${processType}/evaluate`),
    );
  if (options.json) console.log(JSON.stringify(evaluations, undefined, 2));
  else console.log(`${evaluations.map(describe).join('\n\n')}\n\nNothing was changed.`);
  return 0;
}

export async function findController(options: Pick<EvalOptions, 'url' | 'config' | 'data'>): Promise<Target> {
  const { url } = options;
  const key = process.env.HEADCOUNT_KEY;
  if (url !== undefined && key) return { url, key };
  const given = options.data === undefined ? {} : { data: options.data };
  // Only the folder is looked for; secrets of the file are the controller's business.
  const { data } = await loadConfig(options.config, { ...given, keepSecrets: true });
  const here = readRunning(data);
  const named = options.config !== undefined || options.data !== undefined;
  const all = [...(here ? [here] : []), ...(named ? [] : findRunning())];
  const found = all.filter((one) => url === undefined || sameUrl(one.url, url));
  const different = new Set(found.map((one) => one.url));
  if (found[0] && (here || different.size === 1)) return found[0];
  if (different.size > 1)
    throw new HeadcountError(
      'CONTROLLER_UNREACHABLE',
      'Several controllers run on this machine',
      [...different].join(', '),
      'Say which one with --url.',
    );
  throw new HeadcountError(
    'CONTROLLER_UNREACHABLE',
    url === undefined ? 'No controller runs here' : `No controller of yours runs at ${url}`,
    named || url === undefined
      ? `there is no controller.json of a living process in ${data}`
      : 'for one on another machine its key is needed',
    'Start one with "headcount up" or "headcount demo", or give --data, or --url with HEADCOUNT_KEY.',
  );
}

function choose(apps: readonly App[], options: EvalOptions): { app: string; processType: string }[] {
  const names = apps.map((app) => app.name);
  if (options.app !== undefined && !names.includes(options.app)) throw notThere('app', options.app, names);
  const chosen = apps
    .filter((app) => options.app === undefined || app.name === options.app)
    .flatMap((app) => app.managers.map(({ processType }) => ({ app: app.name, processType })));
  const types = chosen.map(({ processType }) => processType);
  const { processType } = options;
  if (processType !== undefined && !types.includes(processType))
    throw notThere('process type', processType, types);
  if (chosen.length === 0)
    throw new HeadcountError(
      'NOT_FOUND',
      'There is nothing to evaluate',
      'no app has a manager',
      'Add one in the dashboard, or in headcount.yaml.',
    );
  return chosen.filter((one) => processType === undefined || one.processType === processType);
}

function notThere(what: string, name: string, known: readonly string[]): HeadcountError {
  const text = unknownName(what, name, [...new Set(known)]);
  return new HeadcountError('NOT_FOUND', `Cannot evaluate "${name}"`, text, 'Correct the name.');
}

function describe(evaluation: Evaluation): string {
  const { app, processType, current, desired, reasons, sentence, readings } = evaluation;
  const chain = reasons.map(({ by, from, to, text }) => `  ${by.padEnd(12)} ${from} -> ${to}  ${text}`);
  return [
    `${app} ${processType}: ${current} -> ${desired}`,
    ...readings.map((reading) => `  measured     ${written(reading)}`),
    ...chain,
    `  ${sentence}`,
  ].join('\n');
}

function written(reading: Readonly<Record<string, unknown>>): string {
  const { kind, at: _, ...rest } = reading;
  if (kind === 'unknown') return `unknown: ${String(rest.why)}`;
  const shown = Object.entries(rest).map(([name, value]) => `${name} ${round(value)}`);
  return shown.join(', ');
}

function round(value: unknown): string {
  return typeof value === 'number' ? String(Math.round(value * 100) / 100) : String(value);
}

function sameUrl(a: string, b: string): boolean {
  return URL.canParse(a) && URL.canParse(b) && new URL(a).origin === new URL(b).origin;
}
