/** The options of a Heroku fleet, checked beyond what a form can check. Nothing is asked of Heroku yet. */
import { HeadcountError } from '../../decide/errors.ts';
import type { Options } from '../../decide/options.ts';

export interface Plan {
  readonly app: string;
  readonly key: string;
  readonly timeoutMs: number;
  readonly restartCrashed: boolean;
  readonly baseUrl: string;
  /** Absent: nobody looks for Heroku's own autoscaling. */
  readonly metricsUrl?: string;
}

export const herokuUrl = 'https://api.heroku.com';
const herokuMetricsUrl = 'https://api.metrics.heroku.com';

/** @throws HeadcountError OPTION_INVALID */
export function readPlan(given: Options, env: Readonly<Record<string, string | undefined>>): Plan {
  const app = String(given.app ?? '').trim();
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(app))
    throw wrong(`${JSON.stringify(app)} is no name of an app`, 'Write it as in `heroku apps`.');
  const key = String(given.apiKey ?? env.HEROKU_API_KEY ?? '').trim();
  if (key === '')
    throw wrong(
      'it has no key',
      'Make one with `heroku authorizations:create -s write`; set "apiKey", or HEROKU_API_KEY.',
    );
  // An error of fetch about a wrong header would contain the key.
  if (!/^[\x21-\x7e]+$/.test(key)) throw wrong('the key has a character that no key has', 'Copy it again.');
  const baseUrl = readUrl('baseUrl', String(given.baseUrl ?? herokuUrl));
  const metrics = given.metricsUrl ?? (baseUrl === herokuUrl ? herokuMetricsUrl : undefined);
  const metricsUrl = metrics === undefined ? undefined : readUrl('metricsUrl', String(metrics));
  const timeoutMs = Number(given.timeoutSeconds ?? 8) * 1000;
  const restartCrashed = given.restartCrashed === true;
  return { app, key, timeoutMs, restartCrashed, baseUrl, ...(metricsUrl && { metricsUrl }) };
}

/** The key goes there, so it must be https, except on this machine. */
function readUrl(option: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.search || url.hash)
    throw wrong(`"${option}" is no address`, `Write it like ${herokuUrl}.`);
  if (url.username || url.password)
    throw wrong(`"${option}" contains a user or password`, 'Put the key into "apiKey".');
  const isHere = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url.protocol === 'http:' && !isHere)
    throw wrong(`"${option}" would send the key unencrypted`, 'Use https, or an address of this machine.');
  return url.href.replace(/\/+$/, '');
}

function wrong(why: string, todo: string): HeadcountError {
  return new HeadcountError('OPTION_INVALID', 'The Heroku fleet cannot be opened', why, todo);
}
