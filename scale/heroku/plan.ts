/**
 * The options of a Heroku fleet, and what a form cannot check of them: names, addresses that would send a key unencrypted, a
 * key that no header can carry, halves of an OAuth client. Nothing is asked of Heroku yet.
 */
import { HeadcountError } from '../../decide/errors.ts';
import type { OptionSpec, Options } from '../../decide/options.ts';
import type { Renewal } from './keys.ts';

export interface Plan {
  readonly app: string;
  /** Absent: there is a renewal, which makes the first. */
  readonly key?: string;
  readonly renewal?: Renewal;
  readonly timeoutMs: number;
  readonly restartCrashed: boolean;
  readonly baseUrl: string;
  /** Absent: nobody looks for Heroku's own autoscaling. */
  readonly metricsUrl?: string;
}

const herokuUrl = 'https://api.heroku.com';
const herokuTokenUrl = 'https://id.heroku.com/oauth/token';
const herokuMetricsUrl = 'https://api.metrics.heroku.com';

export const herokuOptions: readonly OptionSpec[] = [
  { name: 'app', label: 'App', help: 'Name or id of the app at Heroku.', type: 'text' },
  {
    name: 'apiKey',
    label: 'Key',
    help: 'An API key or OAuth token that may write. Absent: HEROKU_API_KEY of the controller.',
    type: 'text',
    optional: true,
    secret: true,
  },
  {
    name: 'refreshToken',
    label: 'Refresh token',
    help: 'Of an OAuth client of your own: it makes a new key whenever the old one has ended. Needs the client secret.',
    type: 'text',
    optional: true,
    secret: true,
  },
  {
    name: 'clientSecret',
    label: 'Client secret',
    help: 'Of the OAuth client that the refresh token was given to.',
    type: 'text',
    optional: true,
    secret: true,
  },
  {
    name: 'restartCrashed',
    label: 'Restart crashed dynos',
    help: 'Restarts a dyno that stays crashed for a minute, instead of waiting 20 minutes and longer for Heroku.',
    type: 'boolean',
    default: false,
  },
  {
    name: 'timeoutSeconds',
    label: 'Time limit',
    help: 'How long one call may take.',
    type: 'number',
    unit: 'seconds',
    default: 8,
    minimum: 1,
    maximum: 60,
  },
  {
    name: 'baseUrl',
    label: 'Address',
    help: 'Address of the Platform API. Change it for tests and proxies.',
    type: 'text',
    default: herokuUrl,
  },
  {
    name: 'tokenUrl',
    label: 'Address of new keys',
    help: 'Where an OAuth client gets them. Change it for tests and proxies.',
    type: 'text',
    default: herokuTokenUrl,
  },
  {
    name: 'metricsUrl',
    label: 'Address of the metrics',
    help: "Where to look for Heroku's own autoscaling. Absent: at Heroku, unless baseUrl leads elsewhere.",
    type: 'text',
    optional: true,
  },
];

/** @throws HeadcountError OPTION_INVALID */
export function readPlan(given: Options, env: Readonly<Record<string, string | undefined>>): Plan {
  const app = String(given.app ?? '').trim();
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(app))
    throw wrong(`${JSON.stringify(app)} is no name of an app`, 'Write it as in `heroku apps`.');
  const renewal = readRenewal(given);
  const key = String(given.apiKey ?? (renewal ? '' : (env.HEROKU_API_KEY ?? ''))).trim();
  if (key === '' && !renewal)
    throw wrong(
      'it has no key',
      'Make one with `heroku authorizations:create -s write`; set "apiKey", or HEROKU_API_KEY.',
    );
  // An error of fetch about a wrong header would contain the key.
  if (!/^[\x21-\x7e]*$/.test(key)) throw wrong('the key has a character that no key has', 'Copy it again.');
  const baseUrl = readUrl('baseUrl', String(given.baseUrl ?? herokuUrl));
  const metrics = given.metricsUrl ?? (baseUrl === herokuUrl ? herokuMetricsUrl : undefined);
  const metricsUrl = metrics === undefined ? undefined : readUrl('metricsUrl', String(metrics));
  const timeoutMs = Number(given.timeoutSeconds ?? 8) * 1000;
  const restartCrashed = given.restartCrashed === true;
  return {
    app,
    ...(key !== '' && { key }),
    ...(renewal && { renewal }),
    timeoutMs,
    restartCrashed,
    baseUrl,
    ...(metricsUrl && { metricsUrl }),
  };
}

/** Of an OAuth client; undefined where a person's key is used. */
function readRenewal({ refreshToken, clientSecret, tokenUrl }: Options): Renewal | undefined {
  const [token = '', secret = ''] = [refreshToken, clientSecret].map((each) => String(each ?? '').trim());
  if (token === '' && secret === '') return undefined;
  if (token === '' || secret === '')
    throw wrong(
      `it has "${token === '' ? 'clientSecret' : 'refreshToken'}" and not the other`,
      'An OAuth client needs both "refreshToken" and "clientSecret".',
    );
  const url = readUrl('tokenUrl', String(tokenUrl ?? herokuTokenUrl));
  return { refreshToken: token, clientSecret: secret, tokenUrl: url };
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
