import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseHeld, parseMessage } from './celery-message.ts';

const word = fc.string({
  maxLength: 12,
  unit: fc.constantFrom('a', '7', '"', '\\', '}', ']', ' ', 'é', '-', ':'),
});
const time = fc.constantFrom(
  '2026-03-01T10:00:00+00:00',
  '2026-03-01T10:00:00',
  '2026-03-01T10:00:00.5Z',
  'soon',
  '',
);
const stamp = fc.option(fc.oneof(fc.double({ min: 1, max: 2e9 }), fc.constant(0), fc.integer({ max: -1 })), {
  nil: undefined,
});

/** As kombu and @headcount/tasks order the fields, with what strangers may add. */
const messages = fc.record({
  body: fc.constantFrom('W10=', '', 'bm90IGpzb24', '[[], {}, {}]'),
  headers: fc.record({
    lang: fc.constantFrom('py', 'js'),
    task: fc.option(word, { nil: undefined }),
    id: fc.oneof(word, fc.uuid(), fc.constant(undefined), fc.constant(7)),
    shadow: fc.option(word, { nil: null, freq: 1 }),
    eta: fc.option(time, { nil: null, freq: 1 }),
    argsrepr: word,
    published_at: stamp,
    run_at: fc.option(time, { nil: undefined }),
    stamps: fc.constantFrom({}, { eta: '2030-01-01', id: 'inner', published_at: 5 }),
  }),
  properties: fc.record({
    correlation_id: word,
    reply_to: fc.option(word, { nil: null }),
    delivery_mode: fc.constant(2),
    priority: fc.constantFrom(0, 9, null),
    published_at: stamp,
    delivery_info: fc.record({
      exchange: word,
      routing_key: word,
      published_at: fc.option(fc.constant(9), { nil: undefined }),
    }),
    body_encoding: fc.constantFrom('base64', 'utf-8'),
  }),
});

const layout = (message: { body: string; headers: object; properties: object }): object => ({
  body: message.body,
  'content-encoding': 'utf-8',
  'content-type': 'application/json',
  headers: message.headers,
  properties: message.properties,
});

/** Nobody writes the body last, so it is parsed. */
const parsedAnyway = ({
  body,
  headers,
  properties,
}: {
  body: string;
  headers: object;
  properties: object;
}): object => ({
  properties,
  headers,
  body,
});

/** With a space behind each comma and colon, as Python's json.dumps. */
function python(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(python).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}: ${python(field)}`).join(', ')}}`;
}

test.each([
  ['compact', JSON.stringify],
  ['spaced', python],
] as const)('a usual message is read from its text as it is read when parsed (%s)', (_, write) => {
  fc.assert(
    fc.property(messages, word, word, (message, exchange, routingKey) => {
      expect(parseMessage(write(layout(message)))).toEqual(parseMessage(write(parsedAnyway(message))));
      const held = (form: object): string => write([form, exchange, routingKey]);
      expect(parseHeld(held(layout(message)))).toEqual(parseHeld(held(parsedAnyway(message))));
    }),
    { numRuns: 2_000 },
  );
});

test('a publish time of 0 is none, and another one counts', () => {
  const stamped = (property: number): object =>
    layout({
      body: 'W10=',
      headers: { lang: 'py', task: '', id: 'a', shadow: null, eta: null, published_at: 1 },
      properties: {
        correlation_id: '',
        reply_to: null,
        delivery_mode: 2,
        priority: 0,
        published_at: property,
        delivery_info: {},
      },
    });
  expect(parseMessage(JSON.stringify(stamped(0)))).toEqual({ id: 'a', waitsSince: 1_000 });
  expect(parseMessage(JSON.stringify(stamped(2)))).toEqual({ id: 'a', waitsSince: 2_000 });
});

test('what is cut off or no message has nothing', () => {
  for (const text of ['', 'null', '[]', '{', '[{"body": ""']) expect(parseMessage(text)).toEqual({});
  for (const text of ['', 'null', '{}', '[{"body": ""', '[{}, "", 7]'])
    expect(parseHeld(text)).toBeUndefined();
});
