/** What is made of a kept message or a result: every form that Celery writes, and what cannot be sent. */
import { deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Call, callInKept, callInResult, messageAgain, priorityOf, statusIn } from './celery-again.ts';

const sending = { id: 'new', failedId: 'old', queue: 'mail', deliveryTag: 'tag', nowMs: 1_700_000_000_000 };
const embed = '{"callbacks": null, "errbacks": null, "chain": null, "chord": null}';

interface Given {
  readonly body?: string | Buffer;
  readonly headers?: Record<string, unknown>;
  readonly properties?: Record<string, unknown>;
  readonly contentType?: string;
}

function kept({
  body = '[[], {}, {}]',
  headers = { task: 'a', id: 'old' },
  properties = {},
  contentType,
}: Given): string {
  const message = {
    body: Buffer.from(body).toString('base64'),
    'content-encoding': 'utf-8',
    'content-type': contentType ?? 'application/json',
    headers,
    properties: { body_encoding: 'base64', priority: 0, ...properties },
  };
  return JSON.stringify({ queue: 'mail', error: 'no', at: 1, message: JSON.stringify(message) });
}

function callOf(found: ReturnType<typeof callInKept>): Call {
  if (!found.ok) throw new Error(found.why);
  return found.call;
}

function sentFor(given: Given) {
  const { body, headers, properties } = JSON.parse(messageAgain(callOf(callInKept(kept(given))), sending));
  return { body: Buffer.from(body, 'base64').toString(), headers, properties };
}

describe('a message', () => {
  test('of protocol 2 keeps its arguments to the letter, and nothing of what was to follow', () => {
    const body =
      '[[1.0, NaN, 12345678901234567890], {"a": -0.0}, {"callbacks": [{"task": "next"}], "chain": [1]}]';
    expect(sentFor({ body }).body).toBe(`[[1.0, NaN, 12345678901234567890], {"a": -0.0}, ${embed}]`);
  });

  test.each([
    '{"task": "a", "id": "old", "args": [1.0], "kwargs": {"b": 2}, "eta": null, "chord": {"task": "c"}}',
  ])('of protocol 1 goes out in protocol 2', (body) => {
    const { headers, ...sent } = sentFor({ body, headers: {} });
    expect(sent.body).toBe(`[[1.0], {"b": 2}, ${embed}]`);
    expect(headers).toMatchObject({
      task: 'a',
      id: 'new',
      root_id: 'old',
      parent_id: 'old',
      timelimit: [null, null],
    });
  });

  test('begins anew, and keeps what the app and its limits say', () => {
    const headers = {
      lang: 'py',
      task: 'a',
      id: 'old',
      eta: '2026-01-01T00:00:00+00:00',
      expires: '2026-01-01T00:00:00+00:00',
      retries: 3,
      group: 'g',
      group_index: 2,
      root_id: 'root',
      parent_id: 'parent',
      timelimit: [20, 10],
      ignore_result: true,
      tenant: 'acme',
      stamps: { tenant: 'acme' },
      redelivered: true,
      headcount_deliveries: 4,
      published_at: 1,
      run_at: '2026-01-01T00:00:00Z',
    };
    const { headers: sent, properties } = sentFor({
      headers,
      properties: { reply_to: 'me', expiration: '5' },
    });
    const now = new Date(sending.nowMs).toISOString();
    const anew = { id: 'new', root_id: 'root', parent_id: 'old', eta: null, expires: null, retries: 0 };
    const alone = { group: null, group_index: null, published_at: sending.nowMs / 1_000, run_at: now };
    const same = {
      lang: 'py',
      timelimit: [20, 10],
      ignore_result: true,
      tenant: 'acme',
      stamps: { tenant: 'acme' },
    };
    expect(sent).toMatchObject({ ...anew, ...alone, ...same });
    for (const name of ['redelivered', 'headcount_deliveries']) expect(sent).not.toHaveProperty(name);
    expect(properties).toEqual({
      correlation_id: 'new',
      reply_to: 'me',
      delivery_mode: 2,
      priority: 0,
      published_at: sending.nowMs / 1_000,
      delivery_info: { exchange: '', routing_key: 'mail' },
      body_encoding: 'base64',
      delivery_tag: 'tag',
    });
  });

  test('packed by zlib is unpacked, since it is sent plain', () => {
    const headers = { task: 'a', compression: 'application/x-gzip' };
    const { body, headers: sent } = sentFor({ body: deflateSync('[[1], {}, {}]'), headers });
    expect(body).toBe(`[[1], {}, ${embed}]`);
    expect(sent).not.toHaveProperty('compression');
  });

  test.each<[string, Given]>([
    ['msgpack', { contentType: 'application/x-msgpack' }],
    ['pickle', { contentType: 'application/x-python-serialize' }],
    ['brotli', { headers: { task: 'a', compression: 'application/x-brotli' } }],
    [
      'no zlib',
      { body: gzipSync('[[], {}, {}]'), headers: { task: 'a', compression: 'application/x-gzip' } },
    ],
    [
      'a bomb',
      { body: deflateSync('x'.repeat(5_000_000)), headers: { task: 'a', compression: 'application/x-gzip' } },
    ],
    ['two parts', { body: '[[]]' }],
    ['no list', { body: '"text"' }],
    ['arguments that are no list', { body: '["(1, 2)", {}, {}]' }],
    ['no name', { headers: {} }],
  ])('that is %s is not sent', (_, given) => {
    expect(callInKept(kept(given)).ok).toBe(false);
  });

  test('whatever is kept under the key, nothing is thrown', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(typeof callInKept(text).ok).toBe('boolean');
        expect(typeof callInKept(JSON.stringify({ queue: 'a', message: text })).ok).toBe('boolean');
        expect(typeof callInResult(text).ok).toBe('boolean');
        statusIn(text);
      }),
    );
  });
});

describe('a result', () => {
  test('has name, arguments and queue beside it, where it is extended', () => {
    const text =
      '{"status": "FAILURE", "result": {"exc_type": "E"}, "name": "a", "args": [1.0], "kwargs": {}, "retries": 2, "queue": "mail"}';
    const call = callOf(callInResult(text));
    expect(call).toEqual({
      task: 'a',
      args: '[1.0]',
      kwargs: '{}',
      queue: 'mail',
      headers: {},
      properties: {},
    });
    const { headers } = JSON.parse(messageAgain(call, sending));
    expect(headers).toMatchObject({
      task: 'a',
      argsrepr: '[1.0]',
      kwargsrepr: '{}',
      root_id: 'old',
      retries: 0,
    });
    // Then its worker decides, as the task says.
    expect(headers).not.toHaveProperty('ignore_result');
    expect(statusIn(text)).toBe('FAILURE');
  });

  test.each([
    '{"status": "FAILURE", "name": null, "args": null, "kwargs": null}',
    '{"status": "FAILURE", "name": "a", "args": "[1]", "kwargs": "{}"}',
    '{"status": "FAILURE", "name": "a", "args": [1]}',
    '[]',
  ])('without them is not sent: %s', (text) => {
    expect(callInResult(text).ok).toBe(false);
  });
});

test('a priority is 0 to 9, and 0 where there is none', () => {
  const of = (priority: unknown): number => priorityOf({ properties: { priority } } as unknown as Call);
  expect([0, 6, 12, -1, 'x', undefined, null].map(of)).toEqual([0, 6, 9, 0, 0, 0, 0]);
});
