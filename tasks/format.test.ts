/** Bodies in every form that Celery writes, byte by byte against messages captured from Celery 5.6.3 and kombu 5.6.2. */
import zlib from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeEnvelope, encodeEnvelope } from './envelope.ts';
import { canCompress, type FormatOptions, openFormat } from './format.ts';
import { createApp } from './index.ts';
import { decode, encode, newMessage, type TaskMessage } from './message.ts';
import { decodeRow, encodeRow } from './sqlite/row.ts';
import { PythonText, parseJson, python, writeJson } from './values.ts';
import { retryOf } from './work.ts';

const id = '0cc2aa5c-30f0-4f41-b2ab-02fb9a198476';

/** The parts of a captured message that differ between the forms. */
function captured(body: string, changes: { headers?: object; type?: string } = {}): string {
  const headers = {
    lang: 'py',
    task: 'probe.add',
    id,
    retries: 0,
    timelimit: [null, null],
    root_id: id,
    origin: 'gen17308@vm',
    ignore_result: false,
  };
  return JSON.stringify({
    body,
    'content-encoding': changes.type ? 'binary' : 'utf-8',
    'content-type': changes.type ?? 'application/json',
    headers: changes.headers ?? headers,
    properties: {
      correlation_id: id,
      reply_to: '80e86917-2580-3b92-af9c-f543d6e78c62',
      delivery_mode: 2,
      delivery_info: { exchange: '', routing_key: 'celery' },
      priority: 0,
      body_encoding: 'base64',
      delivery_tag: '46f9e359-07c2-4a59-89a4-1dd83cf40a82',
    },
  });
}

const compressed = (mime: string): object => ({ task: 'probe.add', id, compression: mime });

const bodies = {
  v1: 'eyJ0YXNrIjogInByb2JlLmFkZCIsICJpZCI6ICIwY2MyYWE1Yy0zMGYwLTRmNDEtYjJhYi0wMmZiOWExOTg0NzYiLCAiYXJncyI6IFsyLCAzXSwgImt3YXJncyI6IHsiYyI6IDR9LCAiZ3JvdXAiOiBudWxsLCAiZ3JvdXBfaW5kZXgiOiBudWxsLCAicmV0cmllcyI6IDAsICJldGEiOiBudWxsLCAiZXhwaXJlcyI6IG51bGwsICJ1dGMiOiB0cnVlLCAiY2FsbGJhY2tzIjogbnVsbCwgImVycmJhY2tzIjogbnVsbCwgInRpbWVsaW1pdCI6IFtudWxsLCBudWxsXSwgInRhc2tzZXQiOiBudWxsLCAiY2hvcmQiOiBudWxsfQ==',
  v1Times:
    'eyJ0YXNrIjogInByb2JlLmFkZCIsICJpZCI6ICIwY2MyYWE1Yy0zMGYwLTRmNDEtYjJhYi0wMmZiOWExOTg0NzYiLCAiYXJncyI6IFsyLCAzXSwgImt3YXJncyI6IHt9LCAiZ3JvdXAiOiBudWxsLCAiZ3JvdXBfaW5kZXgiOiBudWxsLCAicmV0cmllcyI6IDAsICJldGEiOiAiMjAyNi0xMS0yMlQwNTowNjoyOC42NzcxOTQrMDA6MDAiLCAiZXhwaXJlcyI6ICIyMDI2LTExLTIzVDA1OjA2OjI4KzAwOjAwIiwgInV0YyI6IHRydWUsICJjYWxsYmFja3MiOiBudWxsLCAiZXJyYmFja3MiOiBudWxsLCAidGltZWxpbWl0IjogWzIsIDFdLCAidGFza3NldCI6IG51bGwsICJjaG9yZCI6IG51bGx9',
  nan: 'W1tOYU4sIEluZmluaXR5LCAtSW5maW5pdHksICJOYU4iXSwge30sIHsiY2FsbGJhY2tzIjogbnVsbCwgImVycmJhY2tzIjogbnVsbCwgImNoYWluIjogbnVsbCwgImNob3JkIjogbnVsbH1d',
  typed:
    'W1t7Il9fdHlwZV9fIjogImRhdGV0aW1lIiwgIl9fdmFsdWVfXyI6ICIyMDI2LTExLTIyVDA1OjA2OjI4LjY3NzE5NCswMDowMCJ9LCB7Il9fdHlwZV9fIjogImRhdGV0aW1lIiwgIl9fdmFsdWVfXyI6ICIyMDI2LTExLTIyVDA1OjA2OjI4In0sIHsiX190eXBlX18iOiAiZGF0ZSIsICJfX3ZhbHVlX18iOiAiMjAyNi0xMS0yMiJ9LCB7Il9fdHlwZV9fIjogInRpbWUiLCAiX192YWx1ZV9fIjogIjA1OjA2OjI4In0sIHsiX190eXBlX18iOiAiZGVjaW1hbCIsICJfX3ZhbHVlX18iOiAiMS4xMCJ9LCB7Il9fdHlwZV9fIjogInV1aWQiLCAiX192YWx1ZV9fIjogeyJoZXgiOiAiMGNjMmFhNWMzMGYwNGY0MWIyYWIwMmZiOWExOTg0NzYifX0sIHsiX190eXBlX18iOiAiYnl0ZXMiLCAiX192YWx1ZV9fIjogInRleHQifSwgeyJfX3R5cGVfXyI6ICJiYXNlNjQiLCAiX192YWx1ZV9fIjogIi93QT0ifV0sIHt9LCB7ImNhbGxiYWNrcyI6IG51bGwsICJlcnJiYWNrcyI6IG51bGwsICJjaGFpbiI6IG51bGwsICJjaG9yZCI6IG51bGx9XQ==',
  gzip: 'eJyLjjbSUTCO1VGorgVipeTEnJykxOTsYiUrhbzSnBwdBaXUoiI0keSMxMw8ZG5+UQqUWxsLAApsGfI=',
  brotli: 'G1AA4MXOlqpdlmhSNY1su48/Tjng5oEH4HmQZnTSwwYcRBIGy5ppKl74F5T2EJfuw5DySgcuu1c=',
  zstd: 'KLUv/SBR9QEAFANbWzIsIDNdLCB7fSwgeyJjYWxsYmFja3MiOiBudWxsLCAiZXJyY2hhaW5jaG9yZH1dAwAysyZq061uPgE=',
  msgpack: 'k5UCosOpxAH/wMs/+AAAAAAAAICEqWNhbGxiYWNrc8CoZXJyYmFja3PApWNoYWluwKVjaG9yZMA=',
  // [2**53+1, 1700000000000, -2**63, 5000000000, 2**64-1, -5000000000, 1.5, 4294967295]
  msgpackLong:
    'k5jPACAAAAAAAAHPAAABi8/laADTgAAAAAAAAADPAAAAASoF8gDP///////////T/////tX6DgDLP/gAAAAAAADO/////4CEqWNhbGxiYWNrc8CoZXJyYmFja3PApWNoYWluwKVjaG9yZMA=',
};

const plainText = (body: string): string => Buffer.from(body, 'base64').toString();

/** What Python's separators add. */
const tight = (text: string): string => text.replaceAll('", "', '","').replaceAll(/([:,]) /g, '$1');

describe('captured messages are read, and what we write for the same call is the same but for spaces', () => {
  test('protocol 1', async () => {
    const decoded = valueIn(decodeEnvelope(captured(bodies.v1, { headers: {} })));
    expect(decoded).toEqual(
      newMessage({
        id,
        task: 'probe.add',
        args: [2, 3],
        kwargs: { c: 4 },
        embed: { callbacks: null, errbacks: null, chain: null, chord: null },
        replyTo: '80e86917-2580-3b92-af9c-f543d6e78c62',
      }),
    );
    const ours = await written(decoded, { protocol: 1 });
    expect(ours.headers).toEqual({});
    expect(plainText(ours.body)).toBe(tight(plainText(bodies.v1)));
  });

  test('protocol 1 with times and limits', async () => {
    const decoded = valueIn(decodeEnvelope(captured(bodies.v1Times, { headers: {} })));
    expect(decoded).toMatchObject({
      etaMs: Date.UTC(2026, 10, 22, 5, 6, 28, 677),
      expiresMs: Date.UTC(2026, 10, 23, 5, 6, 28),
      timeLimit: { hardSeconds: 2, softSeconds: 1 },
    });
    const ours = plainText((await written(decoded, { protocol: 1 })).body);
    expect(ours.replace(/\.\d+/g, '')).toBe(tight(plainText(bodies.v1Times)).replace(/\.\d+/g, ''));
  });

  test('hybrid: headers of protocol 2 over a body of protocol 1', () => {
    const body = { task: 'old', id: 'old', args: [1], kwargs: { k: 2 }, retries: 7, taskset: 'g', utc: true };
    expect(decode({ task: 'new', id: 'new', retries: 1 }, {}, body)).toMatchObject({
      ok: true,
      value: { task: 'new', id: 'new', retries: 1, args: [1], kwargs: { k: 2 }, group: 'g' },
    });
    expect(decode({}, {}, { task: 't', id: 'i' })).toMatchObject({
      ok: true,
      value: { args: [], kwargs: {} },
    });
  });

  test('NaN and Infinity, and a text of that name', () => {
    const decoded = valueIn(decodeEnvelope(captured(bodies.nan)));
    expect(decoded.args).toEqual([NaN, Infinity, -Infinity, 'NaN']);
    const again = retryOf(decoded, 0, 0);
    expect(encode(again).body).toBe(tight(plainText(bodies.nan)));
    expect(valueIn(decodeRow(encodeRow(valueIn(decodeRow(encodeRow(again)))))).args).toEqual(decoded.args);
  });

  test('NaN of ours is null, and bare when asked for', async () => {
    const message = newMessage({ id: 'i', task: 't', args: [NaN, [Infinity]], kwargs: { a: -Infinity } });
    expect(encode(message).body).toContain('[[null,[null]],{"a":null}');
    const ours = await written(message, { specialNumbers: true });
    expect(plainText(ours.body)).toContain('[[NaN,[Infinity]],{"a":-Infinity}');
  });

  test('typed values become JavaScript’s, and are sent on as they came', () => {
    const decoded = valueIn(decodeEnvelope(captured(bodies.typed)));
    const [aware, naive, date, time, decimal, uuid, bytes, base64] = decoded.args;
    expect(aware).toEqual(new Date('2026-11-22T05:06:28.677Z'));
    expect(naive).toEqual(new Date('2026-11-22T05:06:28Z'));
    expect([date, time, decimal, uuid].map(String)).toEqual(['2026-11-22', '05:06:28', '1.10', id]);
    expect(uuid).toBeInstanceOf(PythonText);
    expect(Buffer.from(bytes as Uint8Array).toString()).toBe('text');
    expect([...(base64 as Uint8Array)]).toEqual([255, 0]);
    expect(encode(retryOf(decoded, 0, 0)).body).toBe(tight(plainText(bodies.typed)));
    expect(encode(valueIn(decodeRow(encodeRow(decoded)))).body).toBe(tight(plainText(bodies.typed)));
  });

  test('typed values that we make', () => {
    const args = [
      python.datetime(new Date('2026-11-22T05:06:28.677Z')),
      python.date('2026-11-22'),
      python.time('05:06:28'),
      python.decimal('1.10'),
      python.uuid(id),
      python.bytes(Buffer.from('text')),
      python.bytes(Buffer.from([255, 0])),
    ];
    const theirs = JSON.parse(plainText(bodies.typed)) as [{ __value__: unknown }[]];
    const wanted = theirs[0].filter((_, index) => index !== 1);
    wanted[0] = { ...wanted[0]!, __value__: '2026-11-22T05:06:28.677+00:00' };
    expect(JSON.parse(JSON.stringify(args))).toEqual(wanted);
  });

  test('integers beyond 2^53 come exactly, and are sent on as they came', () => {
    // Digits within texts, and floating point numbers with as many, are neither of them.
    const text =
      '[[9007199254740993,-9007199254740993,1000000000000000000000000000000,9007199254740991,0.30000000000000004,' +
      '12345678901234567890.5,1e+30,"9007199254740993","\\\\\\"9007199254740993",{"9007199254740993":9007199254740993}],' +
      '{"id":18446744073709551615,"nan":NaN},null]';
    const decoded = valueIn(decodeEnvelope(captured(Buffer.from(text).toString('base64'))));
    const big = 2n ** 53n + 1n;
    expect(decoded.args.slice(0, 5)).toEqual([big, -big, 10n ** 30n, 2 ** 53 - 1, 0.30000000000000004]);
    expect(decoded.args.slice(5)).toEqual([
      Number('12345678901234567890.5'),
      1e30,
      String(big),
      `\\"${big}`,
      { [String(big)]: big },
    ]);
    expect(decoded.kwargs).toEqual({ id: 2n ** 64n - 1n, nan: NaN });
    const again = retryOf(decoded, 0, 0);
    const written = text.replace('12345678901234567890.5', '12345678901234567000.0').slice(0, -5);
    for (const body of [
      encode(again).body,
      plainText((JSON.parse(encodeEnvelope(again, { queue: 'q', deliveryTag: 't' })) as Envelope).body),
    ])
      expect(body.startsWith(written)).toBe(true);
    expect(valueIn(decodeRow(encodeRow(again))).args).toEqual(decoded.args);
    expect(encode(again).headers.kwargsrepr).toContain("'id': 18446744073709551615");
  });

  test('a number of ours beyond 2^53 stays one, and a bigint of ours is an integer', () => {
    const sent = newMessage({ id: 'i', task: 't', args: [2 ** 60, 1e20, 1e21, 2n ** 60n + 1n, 5n] });
    const text = encodeEnvelope(sent, { queue: 'q', deliveryTag: 't' });
    expect(plainText((JSON.parse(text) as Envelope).body)).toContain(
      '[[1152921504606847000.0,100000000000000000000.0,1e+21,1152921504606846977,5]',
    );
    expect(valueIn(decodeEnvelope(text)).args).toEqual([2 ** 60, 1e20, 1e21, 2n ** 60n + 1n, 5]);
  });

  test.each([
    ['a text without an end', `[NaN,"${'\\"'.repeat(200_000)}`],
    ['backslashes without an end', `[NaN,"${'\\'.repeat(200_000)}`],
    ['more digits than any Python reads', `[NaN,${'9'.repeat(1_000_000)}`],
  ])('%s takes no longer than it is long', (_name, text) => {
    expect(() => parseJson(text)).toThrow(SyntaxError);
  });

  test('a body that is nearly base64 takes no longer than it is long', () => {
    const text = captured(`${' '.repeat(1_000_000)}*`);
    expect(decodeEnvelope(text)).toMatchObject({ ok: false, error: { code: 'BODY_ENCODING' } });
  });

  test('NaN in a header of Python’s', () => {
    const text = captured(bodies.nan).replace('"retries":0', '"retries":0,"score":NaN');
    expect(valueIn(decodeEnvelope(text)).extraHeaders).toEqual({ score: NaN });
  });

  test('a wrapper of an unknown type stays as it is', () => {
    const value = [
      { __type__: 'money', __value__: 5 },
      { __type__: 'date', __value__: 5, more: 1 },
    ];
    expect(parseJson(JSON.stringify(value))).toEqual(value);
  });

  test.each([
    ['zlib, which kombu calls gzip', 'application/x-gzip', bodies.gzip, 'zlib'],
    ['brotli', 'application/x-brotli', bodies.brotli, 'brotli'],
    ['zstd', 'application/zstd', bodies.zstd, 'zstd'],
  ] as const)('%s', async (_name, mime, body, compression) => {
    const read = decodeEnvelope(captured(body, { headers: compressed(mime) }));
    if (!canCompress(compression)) {
      expect(read).toMatchObject({ ok: false, error: { code: 'COMPRESSED' } });
      return;
    }
    const decoded = valueIn(read);
    expect(decoded.args).toEqual([2, 3]);
    expect(encode(decoded).headers).not.toHaveProperty('compression');
    const format = await openFormat({ compression });
    const text = encodeEnvelope(decoded, { queue: 'celery', deliveryTag: 'tag' }, format);
    expect((JSON.parse(text) as Envelope).headers.compression).toBe(mime);
    expect(valueIn(decodeEnvelope(text))).toEqual(decoded);
  });

  test('zstd is what this Node has, or refused with what it needs', async () => {
    const { zstdCompressSync, zstdDecompressSync } = zlib as Partial<Record<string, unknown>>;
    const text = captured(bodies.zstd, { headers: compressed('application/zstd') });
    const message = newMessage({ id: 'i', task: 't', args: ['x'] });
    try {
      Object.assign(zlib, { zstdCompressSync: undefined, zstdDecompressSync: undefined });
      expect(decodeEnvelope(text)).toMatchObject({
        error: { code: 'COMPRESSED', text: expect.stringContaining('needs Node 22.15') },
      });
      expect(() => createApp({ broker: 'memory:', format: { compression: 'zstd' } })).toThrow(
        expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining('Node 22.15') }),
      );
      const mark = Buffer.from('zstd');
      const called: unknown[] = [];
      Object.assign(zlib, {
        zstdCompressSync: (content: Buffer) => Buffer.concat([mark, content]),
        zstdDecompressSync: (content: Buffer, options: unknown) => {
          called.push(options);
          return content.subarray(mark.length);
        },
      });
      const format = await openFormat({ compression: 'zstd' });
      const sent = encodeEnvelope(message, { queue: 'q', deliveryTag: 'tag' }, format);
      const envelope = JSON.parse(sent) as Envelope;
      expect(envelope.headers.compression).toBe('application/zstd');
      expect(plainText(envelope.body).startsWith('zstd[["x"]')).toBe(true);
      expect(valueIn(decodeEnvelope(sent)).args).toEqual(['x']);
      // A small body may claim to be larger than the memory.
      expect(called).toEqual([{ maxOutputLength: 256 * 1024 * 1024 }]);
    } finally {
      Object.assign(zlib, { zstdCompressSync, zstdDecompressSync });
    }
  });

  test('what is nested deeper than Python reads is no body', () => {
    const nested = (levels: number): string =>
      Buffer.from(`[${'['.repeat(levels)}${']'.repeat(levels)},{},null]`).toString('base64');
    expect(valueIn(decodeEnvelope(captured(nested(900)))).args).toHaveLength(1);
    for (const levels of [1_001, 5_000, 100_000])
      expect(decodeEnvelope(captured(nested(levels)))).toMatchObject({ error: { code: 'BODY_SHAPE' } });
    expect(
      valueIn(decodeEnvelope(captured(Buffer.from(`[["${'['.repeat(5_000)}"],{},null]`).toString('base64'))))
        .args,
    ).toHaveLength(1);
  });

  test('zlib is a zlib stream and no gzip file', async () => {
    const { body } = await written(newMessage({ id: 'i', task: 't' }), { compression: 'gzip' });
    expect(Buffer.from(body, 'base64').subarray(0, 2).toString('hex')).toBe('789c');
  });

  test('msgpack, byte by byte', async () => {
    const format = await openFormat({ serializer: 'msgpack' });
    const text = captured(bodies.msgpack, { type: 'application/x-msgpack' });
    expect(decodeEnvelope(text)).toMatchObject({ ok: false, error: { code: 'CONTENT_TYPE' } });
    const decoded = valueIn(decodeEnvelope(text, format));
    const [two, letter, bytes, nothing, half] = decoded.args;
    expect([two, letter, nothing, half]).toEqual([2, 'é', null, 1.5]);
    expect([...(bytes as Uint8Array)]).toEqual([255]);
    const ours = await written(decoded, { serializer: 'msgpack' });
    expect(ours).toMatchObject({
      body: bodies.msgpack,
      'content-type': 'application/x-msgpack',
      'content-encoding': 'binary',
    });
    expect(encode(decoded).body).toContain('{"__type__":"base64","__value__":"/w=="}');
  });

  test('msgpack: integers of 64 bits, and larger ones by JSON', async () => {
    const format = await openFormat({ serializer: 'msgpack' });
    const decoded = valueIn(
      decodeEnvelope(captured(bodies.msgpackLong, { type: 'application/x-msgpack' }), format),
    );
    const [big, milliseconds, least, five, most, minus, half, word] = decoded.args;
    expect([milliseconds, five, minus, half, word]).toEqual([1.7e12, 5e9, -5e9, 1.5, 2 ** 32 - 1]);
    expect([big, least, most]).toEqual([2n ** 53n + 1n, -(2n ** 63n), 2n ** 64n - 1n]);
    const { body } = await written(retryOf(decoded, 0, 0), { serializer: 'msgpack' });
    expect(valueIn(decodeEnvelope(captured(body, { type: 'application/x-msgpack' }), format)).args).toEqual(
      decoded.args,
    );
    // Where Python takes eight bytes, so do we; and no floating point number is among them but the one.
    expect(Buffer.from(body, 'base64').toString('hex').match(/cb/g)).toHaveLength(1);
    expect(Buffer.from(body, 'base64')).toHaveLength(Buffer.from(bodies.msgpackLong, 'base64').length);
    const larger = await written({ ...decoded, args: [2n ** 64n] }, { serializer: 'msgpack' });
    expect(larger).toMatchObject({ 'content-type': 'application/json', 'content-encoding': 'utf-8' });
    expect(plainText(larger.body)).toContain('[[18446744073709551616]');
  });

  test('what is broken inside its wrapping comes back with a code', async () => {
    const format = await openFormat({ accept: ['json', 'msgpack'] });
    const code = (text: string): string => {
      const decoded = decodeEnvelope(text, format);
      return decoded.ok ? 'ok' : decoded.error.code;
    };
    expect(code(captured('AAAA', { headers: compressed('application/x-gzip') }))).toBe('COMPRESSED');
    expect(code(captured('xAU=', { type: 'application/x-msgpack' }))).toBe('BODY_NOT_JSON');
    expect(code(captured(bodies.gzip, { type: 'application/x-python-serialize' }))).toBe('CONTENT_TYPE');
  });
});

/** Without the one key that msgpackr renames, so that no message can change a prototype. */
const plainValue = fc.jsonValue().filter((value) => !JSON.stringify(value).includes('__proto__'));
const number = fc.constantFrom(NaN, Infinity, -Infinity, 1.5, 0);
const text = fc.constantFrom('NaN', '"NaN"', '\\"Infinity', '-Infinity', '__type__', '\\');
const mixed = fc.array(fc.oneof(plainValue, number, text, fc.array(number), fc.dictionary(text, number)));

describe('properties', () => {
  test('numbers that JSON lacks come back, whatever stands around them', () => {
    fc.assert(
      fc.property(mixed, (args) => {
        const read = parseJson(writeJson(args, true));
        expect(read).toEqual(normal(args));
      }),
    );
  });

  const formats: FormatOptions[] = [
    { protocol: 1 },
    { compression: 'zlib' },
    { compression: 'brotli', protocol: 1 },
    { serializer: 'msgpack' },
    { serializer: 'msgpack', compression: 'zlib', protocol: 1 },
    { specialNumbers: true },
  ];
  test.each(formats)('a message comes back through %o', async (options) => {
    const format = await openFormat(options);
    fc.assert(
      fc.property(
        fc.array(plainValue),
        fc.nat(),
        fc.option(fc.string({ minLength: 1 })),
        (args, retries, group) => {
          const message = newMessage({
            id,
            task: 't',
            args,
            kwargs: { args },
            retries,
            group,
            publishedAtMs: 1_000,
          });
          const sent = encodeEnvelope(message, { queue: 'q', deliveryTag: 'tag' }, format);
          expect(valueIn(decodeEnvelope(sent, format))).toEqual(JSON.parse(JSON.stringify(message)));
        },
      ),
    );
  });

  test('no bytes make it throw', async () => {
    const format = await openFormat({ accept: ['json', 'msgpack'] });
    const mimes = ['application/x-gzip', 'application/x-brotli', 'application/zstd', 'x', null];
    const types = ['application/json', 'application/x-msgpack', 'application/data'];
    fc.assert(
      fc.property(
        fc.uint8Array(),
        fc.constantFrom(...mimes),
        fc.constantFrom(...types),
        (bytes, compression, type) => {
          const body = Buffer.from(bytes).toString('base64');
          decodeEnvelope(captured(body, { headers: { task: 't', id, compression }, type }), format);
        },
      ),
    );
  });
});

interface Envelope {
  headers: Record<string, unknown>;
  body: string;
}

async function written(message: TaskMessage, options: FormatOptions): Promise<Envelope> {
  const format = await openFormat(options);
  return JSON.parse(encodeEnvelope(message, { queue: 'celery', deliveryTag: 'tag' }, format)) as Envelope;
}

/** As JSON has it, but for numbers: without -0. */
function normal(value: unknown): unknown {
  if (typeof value === 'number') return value + 0 === 0 ? 0 : value;
  if (Array.isArray(value)) return value.map(normal);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, normal(item)]));
}

function valueIn(decoded: ReturnType<typeof decodeEnvelope>): TaskMessage {
  if (!decoded.ok) throw new Error(decoded.error.text);
  return decoded.value;
}
