import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeEnvelope, encodeEnvelope, envelopeOf } from './envelope.ts';
import { envelopeText } from './envelope-text.ts';
import { plainFormat } from './format.ts';
import { decode, encode, newMessage, type TaskMessage } from './message.ts';
import { decodeRow, encodeRow } from './sqlite/row.ts';

/** LRANGE of the list "celery" after `add.delay(2, 3)` of Celery 5.6.3. */
const capturedOnRedis = `{"body":"W1syLCAzXSwge30sIHsiY2FsbGJhY2tzIjogbnVsbCwgImVycmJhY2tzIjogbnVsbCwgImNoYWluIjogbnVsbCwgImNob3JkIjogbnVsbH1d","content-encoding":"utf-8","content-type":"application/json","headers":{"lang":"py","task":"probe.add","id":"0cc2aa5c-30f0-4f41-b2ab-02fb9a198476","shadow":null,"eta":null,"expires":null,"group":null,"group_index":null,"retries":0,"timelimit":[null,null],"root_id":"0cc2aa5c-30f0-4f41-b2ab-02fb9a198476","parent_id":null,"argsrepr":"(2, 3)","kwargsrepr":"{}","origin":"gen13467@vm","ignore_result":false,"replaced_task_nesting":0,"stamped_headers":null,"stamps":{}},"properties":{"correlation_id":"0cc2aa5c-30f0-4f41-b2ab-02fb9a198476","reply_to":"88dcdda5-f8a3-3d60-8982-ed707c0a6951","delivery_mode":2,"delivery_info":{"exchange":"","routing_key":"celery"},"priority":0,"body_encoding":"base64","delivery_tag":"3ff6270a-c0de-4e83-aaaa-6e72560dbe5c"}}`;

/** The management API's "get" after the same call on RabbitMQ; it prints AMQP's void as "undefined". */
const capturedOnRabbit = String.raw`{"payload_bytes":81,"redelivered":false,"exchange":"","routing_key":"celery","properties":{"reply_to":"95ec0020-6532-3915-a742-4f08c6f22cdc","correlation_id":"ca27847b-a11e-4339-8d4b-55a97be40840","priority":0,"delivery_mode":2,"headers":{"argsrepr":"(2, 3)","eta":"undefined","expires":"undefined","group":"undefined","group_index":"undefined","id":"ca27847b-a11e-4339-8d4b-55a97be40840","ignore_result":false,"kwargsrepr":"{}","lang":"py","origin":"gen14299@vm","parent_id":"undefined","replaced_task_nesting":0,"retries":0,"root_id":"ca27847b-a11e-4339-8d4b-55a97be40840","shadow":"undefined","stamped_headers":"undefined","stamps":{},"task":"probe.add","timelimit":["undefined","undefined"]},"content_encoding":"utf-8","content_type":"application/json"},"payload":"[[2, 3], {}, {\"callbacks\": null, \"errbacks\": null, \"chain\": null, \"chord\": null}]","payload_encoding":"string"}`;

describe('messages captured from Celery 5.6.3', () => {
  test('Redis: decoded member by member', () => {
    expect(decodeEnvelope(capturedOnRedis)).toEqual({
      ok: true,
      value: newMessage({
        id: '0cc2aa5c-30f0-4f41-b2ab-02fb9a198476',
        task: 'probe.add',
        args: [2, 3],
        origin: 'gen13467@vm',
        ignoreResult: false,
        replyTo: '88dcdda5-f8a3-3d60-8982-ed707c0a6951',
        argsRepr: '(2, 3)',
        kwargsRepr: '{}',
      }),
    });
  });

  test('Redis: what we write for the same call has the same members in the same order and the same values', () => {
    const theirs = JSON.parse(capturedOnRedis) as Envelope;
    const decoded = decodeEnvelope(capturedOnRedis);
    const tag = String(theirs.properties.delivery_tag);
    const ours = JSON.parse(
      encodeEnvelope(valueIn(decoded), { queue: 'celery', deliveryTag: tag }),
    ) as Envelope;
    expect(Object.keys(ours)).toEqual(Object.keys(theirs));
    expect(Object.keys(ours.headers)).toEqual(Object.keys(theirs.headers));
    expect(ours.headers).toEqual({ ...theirs.headers, lang: 'js' });
    expect(ours.properties).toEqual(theirs.properties);
    expect(bodyOf(ours)).toEqual(bodyOf(theirs));
  });

  test('RabbitMQ: headers, properties and plain body', () => {
    const { properties, payload } = JSON.parse(capturedOnRabbit.replaceAll('"undefined"', 'null')) as {
      properties: Record<string, unknown>;
      payload: string;
    };
    expect(decode(properties.headers, properties, JSON.parse(payload))).toMatchObject({
      ok: true,
      value: { id: 'ca27847b-a11e-4339-8d4b-55a97be40840', task: 'probe.add', args: [2, 3], kwargs: {} },
    });
  });
});

describe('the fields that are easily got wrong', () => {
  const base = newMessage({ id: 'i', task: 't' });

  test('named arguments that are null, as celery-node sends none, are none', () => {
    const body = [[4, 5], null, { callbacks: null, errbacks: null, chain: null, chord: null }];
    expect(decode({ task: 'add', id: 'i' }, {}, body)).toMatchObject({
      ok: true,
      value: { args: [4, 5], kwargs: {} },
    });
  });

  test('timelimit is [hard, soft]', () => {
    const message = { ...base, timeLimit: { hardSeconds: 2, softSeconds: 1 } };
    expect(encode(message).headers.timelimit).toEqual([2, 1]);
    expect(valueIn(roundTrip(message)).timeLimit).toEqual({ hardSeconds: 2, softSeconds: 1 });
  });

  test('times are ISO 8601 with an offset; expiration is milliseconds as text', () => {
    const publishedAtMs = Date.UTC(2026, 0, 1);
    const { headers, properties } = encode({
      ...base,
      etaMs: publishedAtMs + 1_500,
      expiresMs: publishedAtMs + 60_000,
      publishedAtMs,
    });
    expect(headers.eta).toBe('2026-01-01T00:00:01.500000+00:00');
    expect(headers.expires).toBe('2026-01-01T00:01:00.000000+00:00');
    expect(properties.expiration).toBe('60000');
    expect(properties.published_at).toBe(publishedAtMs / 1000);
    expect(headers.published_at).toBe(publishedAtMs / 1000);
  });

  test.each([
    ['2026-11-22T05:06:28.677194+00:00', Date.UTC(2026, 10, 22, 5, 6, 28, 677)],
    ['2026-11-22T05:06:28Z', Date.UTC(2026, 10, 22, 5, 6, 28)],
    ['2026-11-22T07:06:28+02:00', Date.UTC(2026, 10, 22, 5, 6, 28)],
    ['2026-11-22T05:06:28', Date.UTC(2026, 10, 22, 5, 6, 28)],
  ])('eta %s is read', (eta, ms) => {
    const wire = encode(base);
    const decoded = decode({ ...wire.headers, eta }, wire.properties, JSON.parse(wire.body));
    expect(valueIn(decoded).etaMs).toBe(ms);
  });

  test.each([
    ['seconds', 1_700_000_000.5, 1_700_000_000_500],
    ['milliseconds', 1_700_000_000_500, 1_700_000_000_500],
    ['a text', '1700000000.5', 1_700_000_000_500],
    ['nonsense', 'soon', null],
    ['a negative', -1, null],
  ])('published_at in %s', (_name, published_at, ms) => {
    const wire = encode(base);
    expect(valueIn(decode(wire.headers, { published_at }, [[], {}, null])).publishedAtMs).toBe(ms);
  });

  test('a representation for people is Python’s, and short', () => {
    const message = { ...base, args: ["it's", 'a', null, true, [1.5], { k: 'v' }], kwargs: { n: 1 } };
    expect(encode(message).headers.argsrepr).toBe(`("it's", 'a', None, True, [1.5], {'k': 'v'})`);
    expect(encode({ ...base, args: [1] }).headers.argsrepr).toBe('(1,)');
    expect(encode(message).headers.kwargsrepr).toBe("{'n': 1}");
    expect(String(encode({ ...base, args: ['x'.repeat(1e6)] }).headers.argsrepr)).toHaveLength(1024);
  });

  test('what a sender hides stays hidden when the message goes on, and our own texts are not kept twice', () => {
    const theirs = { ...encode(base).headers, lang: 'py', argsrepr: '(secret)', kwargsrepr: "{'card': '*'}" };
    const hidden = { argsRepr: '(secret)', kwargsRepr: "{'card': '*'}" };
    const first = valueIn(decode(theirs, {}, [['4242'], { card: '4242' }, null]));
    expect(first).toMatchObject({ ...hidden, extraHeaders: {} });
    const again = encode({ ...first, retries: 1 });
    expect(again.headers).toMatchObject({ lang: 'js', argsrepr: '(secret)', kwargsrepr: "{'card': '*'}" });
    expect(valueIn(decode(again.headers, again.properties, JSON.parse(again.body)))).toEqual({
      ...first,
      retries: 1,
    });
    const plain = encode({ ...first, args: [], kwargs: {}, argsRepr: '()', kwargsRepr: '{}' });
    const read = valueIn(decode(plain.headers, plain.properties, JSON.parse(plain.body)));
    expect(read).not.toHaveProperty('argsRepr');
    expect(read).not.toHaveProperty('kwargsRepr');
  });

  test('a priority of RabbitMQ goes on as it came, and one of nobody is the nearest', () => {
    const wire = encode(base);
    for (const [given, kept] of [
      [10, 10],
      [255, 255],
      [1e9, 255],
      [-1, 0],
      [2.5, 2],
    ] as const) {
      const decoded = valueIn(decode(wire.headers, { priority: given }, [[], {}, null]));
      expect(encode(decoded).properties.priority).toBe(kept);
    }
  });

  test('headers of others are kept', () => {
    const wire = encode(base);
    const headers = {
      ...wire.headers,
      tenant: 'acme',
      stamped_headers: ['tenant'],
      stamps: { tenant: 'acme' },
    };
    const { extraHeaders } = valueIn(decode(headers, wire.properties, JSON.parse(wire.body)));
    expect(extraHeaders).toEqual({
      tenant: 'acme',
      stamped_headers: ['tenant'],
      stamps: { tenant: 'acme' },
    });
  });

  test('a message of only what Python needs is enough', () => {
    expect(decode({ task: 't', id: 'i' }, {}, [[], {}, null])).toEqual({
      ok: true,
      value: { ...base, rootId: null },
    });
  });
});

describe('what is malformed comes back with its code', () => {
  const good = JSON.parse(capturedOnRedis) as Envelope;
  const with_ = (change: object): string => JSON.stringify({ ...good, ...change });
  const body = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64');
  const headers = (change: object): string => with_({ headers: { ...good.headers, ...change } });

  test.each([
    ['not JSON', 'x', 'ENVELOPE_NOT_JSON'],
    ['empty', '', 'ENVELOPE_NOT_JSON'],
    ['a number', '5', 'ENVELOPE_SHAPE'],
    ['a list', '[]', 'ENVELOPE_SHAPE'],
    ['no body', '{}', 'ENVELOPE_SHAPE'],
    ['headers that are a list', with_({ headers: [] }), 'ENVELOPE_SHAPE'],
    ['no headers', with_({ headers: undefined }), 'ENVELOPE_SHAPE'],
    ['pickle', with_({ 'content-type': 'application/x-python-serialize' }), 'CONTENT_TYPE'],
    ['compressed', headers({ compression: 'application/x-gzip' }), 'COMPRESSED'],
    ['no base64', with_({ body: '***' }), 'BODY_ENCODING'],
    ['a body that is no JSON', with_({ body: Buffer.from('[NaN').toString('base64') }), 'BODY_NOT_JSON'],
    ['a compression that is not known', headers({ compression: 'application/x-bz2' }), 'COMPRESSED'],
    ['msgpack where it is not accepted', with_({ 'content-type': 'application/x-msgpack' }), 'CONTENT_TYPE'],
    ['a body of two parts, which stops a Python worker', with_({ body: body([[], {}]) }), 'BODY_SHAPE'],
    ['args that are no list', with_({ body: body([{}, {}, {}]) }), 'BODY_SHAPE'],
    ['kwargs that are a list', with_({ body: body([[], [], {}]) }), 'BODY_SHAPE'],
    [
      'protocol 1 without an id',
      with_({ headers: {}, body: body({ task: 't', args: [] }) }),
      'HEADER_INVALID',
    ],
    [
      'protocol 1 with wrong args',
      with_({ headers: {}, body: body({ task: 't', id: 'i', args: 5 }) }),
      'BODY_SHAPE',
    ],
    ['no task', headers({ task: undefined }), 'HEADER_INVALID'],
    ['an id that is a number', headers({ id: 5 }), 'HEADER_INVALID'],
    ['a bad eta', headers({ eta: 'tomorrow' }), 'HEADER_INVALID'],
    ['a bad expires', headers({ expires: 5 }), 'HEADER_INVALID'],
    ['negative retries', headers({ retries: -1 }), 'HEADER_INVALID'],
    ['a timelimit of one', headers({ timelimit: [1] }), 'HEADER_INVALID'],
    [
      'a priority that is a text',
      with_({ properties: { ...good.properties, priority: 'high' } }),
      'HEADER_INVALID',
    ],
  ])('%s', (_name, text, code) => {
    const decoded = decodeEnvelope(text);
    expect(decoded.ok ? 'ok' : decoded.error.code).toBe(code);
  });
});

const json = fc.jsonValue({ noUnicodeString: false } as object);
const dictionary = fc.dictionary(fc.string(), json, { noNullPrototype: true });
const time = fc.option(fc.integer({ min: 1, max: Date.UTC(9999, 0) }));
const seconds = fc.option(fc.nat());
const name = fc.string({ minLength: 1 });

const anyMessage: fc.Arbitrary<TaskMessage> = fc.record({
  id: name,
  task: name,
  args: fc.array(json),
  kwargs: dictionary,
  embed: fc.record({ callbacks: json, errbacks: json, chain: json, chord: json }),
  retries: fc.nat(),
  etaMs: time,
  expiresMs: time,
  timeLimit: fc.record({ hardSeconds: seconds, softSeconds: seconds }),
  rootId: fc.option(name),
  parentId: fc.option(name),
  group: fc.option(name),
  groupIndex: fc.option(fc.nat()),
  shadow: fc.option(name),
  origin: fc.option(name),
  ignoreResult: fc.option(fc.boolean()),
  priority: fc.integer({ min: 0, max: 9 }),
  replyTo: fc.option(name),
  publishedAtMs: fc.option(fc.integer({ min: 1, max: Date.UTC(5000, 0) })),
  extraHeaders: fc.constantFrom({}, { tenant: 'acme' }, { stamped_headers: ['a'], stamps: { a: 1 } }),
});

describe('properties', () => {
  test('an envelope brings a message back as it was', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        expect(roundTrip(message)).toEqual({ ok: true, value: plain(message) });
      }),
    );
  });

  test('the quick way writes an envelope to the byte like the usual one', () => {
    const delivered = fc.record({ queue: name, deliveryTag: name });
    const usual = anyMessage.map((message) => ({ ...message, extraHeaders: {} }));
    fc.assert(
      fc.property(usual, delivered, fc.boolean(), (message, to, empty) => {
        const sent = empty ? newMessage({ id: message.id, task: message.task }) : message;
        expect(envelopeText(sent, to, plainFormat)).toBe(envelopeOf(sent, to, plainFormat));
      }),
    );
  });

  test('the quick way leaves alone what is not usual', () => {
    const message = newMessage({ id: 'a', task: 't', extraHeaders: { tenant: 'acme' } });
    const to = { queue: 'q', deliveryTag: 'tag' };
    expect(envelopeText(message, to, plainFormat)).toBeUndefined();
    const plainly = { ...message, extraHeaders: {} };
    expect(envelopeText(plainly, to, { ...plainFormat, protocol: 1 })).toBeUndefined();
    expect(envelopeText(plainly, to, plainFormat)).toBeDefined();
  });

  test('a row brings a message back as it was', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        expect(decodeRow(encodeRow(message))).toEqual({ ok: true, value: plain(message) });
      }),
    );
  });

  test('no text and no change of a good text makes a decoder throw', () => {
    const mangled = fc
      .tuple(anyMessage, fc.nat(), fc.nat(20), fc.string())
      .map(([message, at, length, text]) => {
        const whole = encodeEnvelope(message, { queue: 'q', deliveryTag: 't' });
        const from = at % whole.length;
        return whole.slice(0, from) + text + whole.slice(from + length);
      });
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), mangled), (text) => {
        for (const decoded of [decodeEnvelope(text), decodeRow(text)])
          if (!decoded.ok) expect(decoded.error.text).not.toBe('');
      }),
    );
  });

  test('no values in the three parts make decode throw', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), fc.anything(), (headers, properties, body) => {
        decode(headers, properties, body);
      }),
    );
    const header = fc.oneof(json, fc.constant(undefined));
    const headers = fc.record({ task: header, id: header, eta: header, expires: header, timelimit: header });
    fc.assert(
      fc.property(headers, header, (some, priority) => {
        expect(typeof decode(some, { priority }, [[], {}, null]).ok).toBe('boolean');
      }),
    );
  });
});

interface Envelope {
  headers: Record<string, unknown>;
  properties: Record<string, unknown>;
  body: string;
}

function bodyOf(envelope: Envelope): unknown {
  return JSON.parse(Buffer.from(envelope.body, 'base64').toString());
}

function roundTrip(message: TaskMessage): ReturnType<typeof decodeEnvelope> {
  return decodeEnvelope(encodeEnvelope(message, { queue: 'q', deliveryTag: 'tag' }));
}

/** As JSON has it: without -0 and undefined; an embed that says nothing is the empty one. */
function plain(message: TaskMessage): TaskMessage {
  return JSON.parse(JSON.stringify(message)) as TaskMessage;
}

function valueIn(decoded: ReturnType<typeof decodeEnvelope>): TaskMessage {
  if (!decoded.ok) throw new Error(decoded.error.text);
  return decoded.value;
}
