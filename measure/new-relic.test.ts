/** NerdGraph as its documentation has it, on a real socket: what does not follow it is answered as New Relic answers it. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { freePort } from '../checks/servers.ts';
import { checkOptions } from '../decide/options.ts';
import type { Reading } from '../decide/words.ts';
import { meterContract, type Situation } from './contract.ts';
import { newRelic } from './new-relic.ts';

const key = 'NRAK-0123456789ABCDEF';
const counts = {
  requests: 200,
  quick: 155,
  quickFailed: 5,
  slow: 31,
  slowFailed: 1,
  seconds: 0.32,
  queuedSeconds: 0.012,
};
const given = { apiKey: key, accountId: 42, app: "Mia's shop" };

/** What the query asks for, as a function of nothing but the documented grammar. */
const nrqlShape =
  /^SELECT (?:[a-z]+\((?:[^()]|\([^()]*\))*\) AS '\w+',? )+FROM Transaction WHERE appName = '((?:[^'\\]|\\.)+)' AND transactionType = 'Web' SINCE (\d+) seconds ago UNTIL (\d+) seconds ago$/;
const heard: { app?: string; since?: number; until?: number } = {};

function nerdGraph(results: unknown = [counts]): RequestListener {
  return (request, response) => {
    const say = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    let body = '';
    request.on('data', (part) => {
      body += part;
    });
    request.on('end', () => {
      if (request.method !== 'POST' || request.url !== '/graphql') return say(404, {});
      if (request.headers['api-key'] !== key) return say(401, { errors: [{ message: 'Invalid API key' }] });
      if (request.headers['content-type'] !== 'application/json') return say(415, {});
      const { query, variables, ...rest } = JSON.parse(body);
      const shape =
        /^query\(\$accountId: Int!, \$nrql: Nrql!\) \{ actor \{ account\(id: \$accountId\) \{ nrql\(query: \$nrql, timeout: \d+\) \{ results \} \} \} \}$/;
      if (!shape.test(query) || Object.keys(rest).length > 0 || !Number.isInteger(variables.accountId))
        return say(200, { errors: [{ message: 'Syntax error in query' }] });
      if (variables.accountId !== 42) return say(200, { data: { actor: { account: null } } });
      const match = nrqlShape.exec(variables.nrql);
      if (!match) return say(200, { errors: [{ message: `NRQL Syntax Error: ${variables.nrql}` }] });
      Object.assign(heard, {
        app: match[1]?.replace(/\\(.)/g, '$1'),
        since: Number(match[2]),
        until: Number(match[3]),
      });
      return say(200, { data: { actor: { account: { nrql: { results } } } } });
    });
  };
}

async function serving(listener: RequestListener, options: Situation['options'] = given) {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`;
  const stop = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { options: { ...options, address }, stop };
}

async function read(listener: RequestListener, options?: Situation['options']): Promise<Reading[]> {
  const situation = await serving(listener, options);
  const checked = checkOptions(newRelic.options, situation.options);
  if (!checked.ok) throw new TypeError(checked.problems.join());
  const surroundings = { appToken: 's', processType: 'web', now: () => 1_000 };
  try {
    return await newRelic.create(checked.options, surroundings).read(AbortSignal.timeout(60_000));
  } finally {
    situation.stop();
  }
}

const why = async (...args: Parameters<typeof read>): Promise<string> => {
  const [reading] = await read(...args);
  return reading?.kind === 'unknown' ? reading.why : `not unknown: ${JSON.stringify(reading)}`;
};
const saying =
  (status: number, body: string): RequestListener =>
  (_request, response) => {
    response.writeHead(status).end(body);
  };

describe('contract', () => {
  meterContract({ test, expect }, newRelic, {
    truth: async () => ({
      ...(await serving(nerdGraph())),
      readings: [
        { kind: 'value', name: 'apdex', value: 0.825 },
        { kind: 'value', name: 'requests-per-minute', value: 200 },
        { kind: 'value', name: 'response-time', value: 320, unit: 'ms' },
        { kind: 'value', name: 'queue-time', value: 12, unit: 'ms' },
      ],
    }),
    down: async () => ({ options: { ...given, address: `http://127.0.0.1:${await freePort()}/graphql` } }),
    wrongPassword: async () => serving(nerdGraph(), { ...given, apiKey: 'NRAK-of-somebody-else' }),
    garbage: async () => serving(saying(200, '<html>maintenance</html>')),
    slow: async () => serving(() => undefined),
  });
});

test('the query names the app, whatever is in its name, and a window that is complete', async () => {
  await read(nerdGraph(), { ...given, app: "a\\'; SELECT", windowSeconds: 120, delaySeconds: 30 });
  expect(heard).toEqual({ app: "a\\'; SELECT", since: 150, until: 30 });
  const [, rate] = await read(nerdGraph(), { ...given, windowSeconds: 120 });
  expect(rate).toMatchObject({ name: 'requests-per-minute', value: 100 });
});

test('an app without a queue time leaves it out', async () => {
  const readings = await read(nerdGraph([{ ...counts, queuedSeconds: null }]));
  expect(readings.map((reading) => reading.kind === 'value' && reading.name)).toEqual([
    'apdex',
    'requests-per-minute',
    'response-time',
  ]);
});

test.each([
  ['no transactions', nerdGraph([{ ...counts, requests: 0 }]), 'has no web transactions of "Mia\'s shop"'],
  ['no result', nerdGraph([]), 'no result of a query'],
  ['counts that are none', nerdGraph([{ ...counts, quick: '150' }]), 'without the counts'],
  ['429', saying(429, ''), 'asked too often'],
  ['500', saying(500, '{}'), 'answered 500'],
  ['an error with status 200', saying(200, '{"errors":[{"message":"no"}]}'), 'refused the query: no'],
  ['the key in an error', saying(200, `{"errors":[{"message":"bad ${key}"}]}`), 'refused the query: bad …'],
  ['too much', saying(200, 'x'.repeat(200_000)), 'more than 128 KB'],
])('%s is unknown', async (_, listener, expected) => {
  expect(await why(listener)).toContain(expected);
});

test('another account is unknown', async () => {
  expect(await why(nerdGraph(), { ...given, accountId: 43 })).toContain('no such account');
});
