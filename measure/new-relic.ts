/**
 * What New Relic knows of an app's web transactions: Apdex, requests per minute, response time and queue time, by one NRQL query
 * through NerdGraph (`POST https://api.newrelic.com/graphql`, header `API-Key`; facts: New Relic's NerdGraph and NRQL documentation).
 *
 * The Apdex is worked out from counts, (satisfied + tolerated / 2) / all with errors as frustrated, because NRQL's own apdex() answers
 * in another shape under an alias. Those with an error are counted and taken away: "error IS TRUE" is documented, its negation is not. Agents send once a minute, so the window ends `delaySeconds` ago: one that ends now
 * would miss a part of the requests and look like less traffic. No transaction at all may be a quiet app, a dead one or a
 * misspelt name, so it is unknown.
 */
import { HeadcountError } from '../decide/errors.ts';
import type { OptionSpec, Options } from '../decide/options.ts';
import type { Reading, ValueReading } from '../decide/words.ts';
import { type Call, createCall } from './call.ts';
import { lookOrUnknown } from './look.ts';
import type { MeterKind } from './meter.ts';

const addresses = { us: 'https://api.newrelic.com/graphql', eu: 'https://api.eu.newrelic.com/graphql' };
const bodyBytesMaximum = 128 * 1024;
const timeoutMs = 10_000;

const options: readonly OptionSpec[] = [
  {
    name: 'apiKey',
    label: 'API key',
    help: 'A user key of New Relic; it begins with NRAK.',
    type: 'text',
    secret: true,
  },
  {
    name: 'accountId',
    label: 'Account',
    help: 'The number of the account that the app reports to.',
    type: 'number',
    minimum: 1,
    maximum: 9_007_199_254_740_991,
  },
  { name: 'app', label: 'App', help: 'The name of the app in New Relic, as its agent has it.', type: 'text' },
  {
    name: 'region',
    label: 'Region',
    help: "Where the account's data is.",
    type: 'text',
    choices: ['us', 'eu'],
    default: 'us',
  },
  {
    name: 'satisfiedMs',
    label: 'A good answer within',
    help: "Apdex T: answers within this time satisfy, within four times of it they are tolerated. New Relic's own default is 500.",
    type: 'number',
    unit: 'ms',
    minimum: 1,
    maximum: 60_000,
    default: 500,
  },
  {
    name: 'windowSeconds',
    label: 'Window',
    help: 'How many seconds of transactions count.',
    type: 'number',
    unit: 's',
    minimum: 60,
    maximum: 1_800,
    default: 60,
  },
  {
    name: 'delaySeconds',
    label: 'Delay',
    help: 'How long ago the window ends. Agents send once a minute.',
    type: 'number',
    unit: 's',
    minimum: 0,
    maximum: 600,
    default: 60,
  },
  {
    name: 'address',
    label: 'Address',
    help: 'Another address for the queries, where a proxy stands between.',
    type: 'text',
    optional: true,
  },
];

export const newRelic: MeterKind = {
  use: 'new-relic',
  title: 'New Relic',
  help: "Reads Apdex, requests per minute, response time and queue time of an app's web transactions from New Relic.",
  options,
  create: (given, { now, call = createCall() }) => ({
    name: `new-relic ${given.app}`,
    read: (signal) =>
      lookOrUnknown({
        signal,
        now,
        timeoutMs,
        look: async (limit) => readingsOf(await ask(call, given, limit), given, now()),
        explain,
      }),
  }),
};

const graphql =
  'query($accountId: Int!, $nrql: Nrql!) { actor { account(id: $accountId) { nrql(query: $nrql, timeout: 9) { results } } } }';

function nrqlOf({ app, satisfiedMs, windowSeconds, delaySeconds }: Options): string {
  const good = Number(satisfiedMs) / 1_000;
  const quick = `duration <= ${good}`;
  const slow = `duration > ${good} AND duration <= ${4 * good}`;
  const name = String(app).replace(/[\\']/g, (sign) => `\\${sign}`);
  return [
    "SELECT count(*) AS 'requests',",
    `filter(count(*), WHERE ${quick}) AS 'quick', filter(count(*), WHERE ${quick} AND error IS TRUE) AS 'quickFailed',`,
    `filter(count(*), WHERE ${slow}) AS 'slow', filter(count(*), WHERE ${slow} AND error IS TRUE) AS 'slowFailed',`,
    "average(duration) AS 'seconds', average(queueDuration) AS 'queuedSeconds'",
    `FROM Transaction WHERE appName = '${name}' AND transactionType = 'Web'`,
    `SINCE ${Number(windowSeconds) + Number(delaySeconds)} seconds ago UNTIL ${delaySeconds} seconds ago`,
  ].join(' ');
}

/** What may be said to a person. */
class Trouble extends Error {}

async function ask(call: Call, given: Options, signal: AbortSignal): Promise<Record<string, unknown>> {
  const address = String(given.address ?? addresses[given.region === 'eu' ? 'eu' : 'us']);
  if (!/^https?:/.test(address) || !URL.canParse(address))
    throw new Trouble('the address of New Relic is none');
  const answer = await call(
    {
      url: new URL(address),
      headers: {
        'content-type': 'application/json',
        accept: 'application/json',
        'user-agent': 'headcount',
        'api-key': String(given.apiKey),
      },
      body: JSON.stringify({
        query: graphql,
        variables: { accountId: given.accountId, nrql: nrqlOf(given) },
      }),
      timeoutMs,
      bytesMaximum: bodyBytesMaximum,
    },
    signal,
  );
  const { status, body } = answer;
  if (status === 401 || status === 403)
    throw new Trouble(`New Relic answered ${status}: the API key is not one of its user keys`);
  if (status === 429) throw new Trouble('New Relic answered 429: it was asked too often');
  if (status < 200 || status > 299) throw new Trouble(`New Relic answered ${status}`);
  if (answer.tooLarge) throw new Trouble(`New Relic answered more than ${bodyBytesMaximum / 1024} KB`);
  if (body === undefined) throw answer.broken;
  return resultOf(body, String(given.apiKey));
}

function resultOf(body: string, apiKey: string): Record<string, unknown> {
  const answer = parse(body);
  const [error] = listIn(answer, 'errors');
  if (error !== undefined) {
    const said = String(at(error, 'message') ?? 'without a reason').slice(0, 200);
    throw new Trouble(`New Relic refused the query: ${said.replaceAll(apiKey, '…')}`);
  }
  const account = ['data', 'actor', 'account'].reduce<unknown>(at, answer);
  if (account === null) throw new Trouble('New Relic knows no such account, or the key may not see it');
  const [result] = listIn(at(account, 'nrql'), 'results');
  if (typeof result !== 'object' || result === null)
    throw new Trouble('New Relic answered something that is no result of a query');
  return result as Record<string, unknown>;
}

function readingsOf(result: Record<string, unknown>, given: Options, now: number): Reading[] {
  const number = (key: string): number | undefined => {
    const value = result[key];
    return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
  };
  const count = (key: string): number => {
    const counted = number(key);
    if (counted === undefined) throw new Trouble('New Relic answered without the counts that were asked for');
    return counted;
  };
  const well = (all: string, failed: string): number => Math.max(0, count(all) - count(failed));
  const requests = count('requests');
  const [satisfied, tolerated] = [well('quick', 'quickFailed'), well('slow', 'slowFailed')];
  if (requests === 0)
    throw new Trouble(
      `New Relic has no web transactions of "${given.app}" in that time: no traffic, or another name`,
    );
  const value = (name: string, value: number | undefined, unit?: string): ValueReading[] =>
    value === undefined ? [] : [{ kind: 'value', name, at: now, value, ...(unit && { unit }) }];
  const ms = (seconds: number | undefined) => (seconds === undefined ? undefined : seconds * 1_000);
  return [
    ...value('apdex', Math.min(1, (satisfied + tolerated / 2) / requests)),
    ...value('requests-per-minute', (requests * 60) / Number(given.windowSeconds)),
    ...value('response-time', ms(number('seconds')), 'ms'),
    ...value('queue-time', ms(number('queuedSeconds')), 'ms'),
  ];
}

function explain(problem: unknown): string {
  if (problem instanceof Trouble) return problem.message;
  if (problem instanceof DOMException && problem.name === 'TimeoutError')
    return `New Relic did not answer within ${timeoutMs / 1_000} s`;
  if (problem instanceof HeadcountError) return problem.message;
  const code = problem instanceof Error && 'code' in problem ? `: ${problem.code}` : '';
  return `New Relic cannot be reached${code}`;
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new Trouble('New Relic answered something that is no JSON');
  }
}

function at(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

function listIn(value: unknown, key: string): unknown[] {
  const list = at(value, key);
  return Array.isArray(list) ? list : [];
}
