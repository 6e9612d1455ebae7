/** Heroku's refusals in words that say what to do. Its own words are passed on; the key never is. */
import { HeadcountError } from '../../decide/errors.ts';

/** The `cause` of a refusal, for those who can do something about it. */
export interface RefusalCause {
  readonly status: number;
  readonly id: string;
  /** With `cannot_run_above_limit`: how many may run, and how many were asked for. */
  readonly limit?: number;
  readonly asked?: number;
}

interface Circumstances {
  readonly app: string;
  readonly key: string;
  readonly url: string;
}

const longestWords = 300;

export function refused(around: Circumstances, { status, headers }: Response, text: string): HeadcountError {
  const body = parse(text);
  const id = typeof body.id === 'string' ? body.id : '';
  const cause: RefusalCause = { status, id, ...count('limit', body.limit), ...count('asked', body.size) };
  const words = (given: string): string => given.replaceAll(around.key, '[key]').replace(/\s+/g, ' ').trim();
  const message = typeof body.message === 'string' ? words(body.message).slice(0, longestWords) : '';
  const [what, todo] = advice(around, cause);
  const location = headers.get('location');
  const redirect = location === null ? '' : `it redirects to ${words(location).slice(0, longestWords)}`;
  const why =
    (message.replace(/\.$/, '') || redirect || 'it says no more') + ` (${status} ${words(id)}`.trimEnd();
  return new HeadcountError('FLEET_FAILED', what, `${why})`, todo, { cause });
}

export function unreachable(url: string, why: unknown): HeadcountError {
  const { host } = new URL(url);
  if (why instanceof SyntaxError)
    return failed(
      `The answer of ${host} is not that of Heroku`,
      'it is no JSON',
      'Check the option "baseUrl".',
    );
  const reason = why instanceof Error ? reasonOf(why) : String(why);
  return failed(
    `Heroku at ${host} cannot be reached`,
    reason,
    'It is tried again. See https://status.heroku.com.',
  );
}

export function causeOf(error: unknown): Partial<RefusalCause> {
  return error instanceof HeadcountError && typeof error.cause === 'object' ? { ...error.cause } : {};
}

/** What happened, and what to do. */
function advice({ app, url }: Circumstances, { status, id }: RefusalCause): [string, string] {
  const newKey = 'Make one with `heroku authorizations:create -s write` and set it as "apiKey".';
  if (status === 401) return ['Heroku does not know the key', newKey];
  if (status === 402)
    return [`Heroku wants to be paid for "${app}"`, 'See the billing of its account at heroku.com.'];
  if (status === 403 && id === 'suspended')
    return [`The account of "${app}" is suspended`, 'Ask Heroku at https://help.heroku.com.'];
  if (status === 403)
    return [
      `The key may not do this to "${app}"`,
      `It needs the scope "write", and its account access to the app. ${newKey}`,
    ];
  if (status === 404)
    return [`Heroku has no "${app}" that this key may see`, 'Check the option "app", and whose key it is.'];
  if (status === 429) return ['Heroku has had too many calls', 'It goes on by itself after a pause.'];
  if (status >= 300 && status < 400)
    return [
      `${new URL(url).host} does not answer itself`,
      'Redirects are not followed. Check the option "baseUrl".',
    ];
  if (status >= 500) return ['Heroku is out of order', 'It is tried again. See https://status.heroku.com.'];
  if (status === 409 || status === 422)
    return [`Heroku refuses to change "${app}"`, 'It is tried again; a release or preboot ends by itself.'];
  return [`Heroku refuses a call about "${app}"`, 'It is tried again. If it stays so, please report it.'];
}

function count<Name extends string>(name: Name, value: unknown): { [Key in Name]?: number } {
  return (Number.isInteger(value) && Number(value) >= 0 ? { [name]: value } : {}) as {
    [Key in Name]?: number;
  };
}

function parse(text: string): Record<string, unknown> {
  try {
    return { ...JSON.parse(text) };
  } catch {
    return {};
  }
}

/** fetch says "fetch failed"; the reason is its cause. */
function reasonOf(error: Error): string {
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  const { code } = cause as NodeJS.ErrnoException;
  return cause.message || code || error.message;
}

function failed(what: string, why: string, todo: string): HeadcountError {
  return new HeadcountError('FLEET_FAILED', what, why, todo);
}
