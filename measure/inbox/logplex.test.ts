import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cut, parseDrain } from './logplex.ts';
import type { Parsed } from './pushed.ts';

const now = 1_767_225_600_000;
const second = now / 1_000;
const time = '2026-01-01T00:00:00.123456+00:00';

const frame = (line: string): Buffer => Buffer.from(`${Buffer.byteLength(line)} ${line}`);
const parse = (...lines: string[]): Parsed => parseDrain(Buffer.concat(lines.map(frame)), now);

describe('framing', () => {
  test('counts bytes, not characters', () => {
    const lines = ['<190>1 a b app web.1 - Zürich → 東京 🎵\n', '<190>1 a b app web.1 - next\n'];
    expect(cut(Buffer.concat(lines.map(frame)))).toEqual({ lines, broken: false });
  });

  test('gives back what was framed, and never fails on what was not', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme', minLength: 1 })), (lines) => {
        const sound = lines.map((line) => Buffer.from(line).toString());
        expect(cut(Buffer.concat(sound.map(frame)))).toEqual({ lines: sound, broken: false });
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), fc.array(fc.string()), (bytes, lines) => {
        const body = Buffer.concat([...lines.map(frame), ...bytes]);
        const { pushed, dropped } = parseDrain(body, now);
        expect({ pushed, lost: dropped.lost }).toEqual({ pushed: [], lost: undefined });
      }),
    );
  });

  test.each(['x', '5', '5 abc', '-1 a', '0 ', '99999999 a', ' 5 abcde'])(
    'ends at a broken frame: %j',
    (rest) => {
      const body = Buffer.concat([frame('<1>1 a b c d - e'), Buffer.from(rest)]);
      expect(cut(body)).toEqual({ lines: ['<1>1 a b c d - e'], broken: true });
      expect(parseDrain(body, now).dropped).toEqual({ malformed: 1 });
    },
  );

  test('is read from any part of a larger buffer', () => {
    const whole = Buffer.concat([Buffer.from('xxxx'), frame('<1>1 a b c d - e')]);
    expect(cut(whole.subarray(4)).lines).toEqual(['<1>1 a b c d - e']);
  });
});

describe('lines', () => {
  const router = (fields: string): string => `<158>1 ${time} host heroku router - ${fields}\n`;
  const app = (message: string, process = 'web.1'): string =>
    `<190>1 ${time} host app ${process} - ${message}\n`;

  test('a router line', () => {
    const line = router(
      'at=info method=GET path="/tracks?q=a b" host=music.example.com request_id=8601b555-6a83-4c12-8269-97c8e32cdb22 fwd="204.204.204.204" dyno=web.1 connect=1ms service=18ms status=200 bytes=13 protocol=https tls_version=tls1.3',
    );
    expect(parse(line)).toEqual({
      nowSecond: second,
      pushed: [
        { metric: 'service-time', name: 'web', second, count: 1, ms: 18 },
        { metric: 'connect-time', name: 'web', second, count: 1, ms: 1 },
      ],
      dropped: {},
    });
  });

  test('an error of the router, with and without a process', () => {
    const h12 =
      'at=error code=H12 desc="Request timeout" method=GET path="/" host=a fwd="1.2.3.4" dyno=api-v2.12 connect=0ms service=30000ms status=503 bytes=0';
    const h14 =
      'at=error code=H14 desc="No web processes running" method=GET path="/" dyno= connect= service= status=503';
    expect(parse(router(h12)).pushed).toMatchObject([
      { metric: 'service-time', name: 'api-v2', ms: 30_000 },
      { metric: 'connect-time', name: 'api-v2', ms: 0 },
      { metric: 'failed', name: 'api-v2', count: 1, ms: 30_000 },
    ]);
    expect(parse(router(h14)).pushed).toEqual([
      { metric: 'service-time', name: 'web', second, count: 1 },
      { metric: 'failed', name: 'web', second, count: 1 },
    ]);
  });

  test('what a visitor writes into headers does not speak for the router', () => {
    const line = router(
      'at=info path="/" fwd="1 dyno=worker.1 service=9ms" dyno=web.1 connect=1ms service=18ms status=200',
    );
    expect(parse(line).pushed).toMatchObject([
      { name: 'web', ms: 18 },
      { name: 'web', ms: 1 },
    ]);
  });

  test('queue times, behind what a logger puts before them', () => {
    expect(
      parse(app('[hirefire:router] queue=162ms'), app('INFO web [hirefire:router] queue=3ms')).pushed,
    ).toEqual([
      { metric: 'queue-time', name: 'web', second, count: 1, ms: 162 },
      { metric: 'queue-time', name: 'web', second, count: 1, ms: 3 },
    ]);
    expect(parse(app('[hirefire:router] queue=1767225600000ms')).dropped).toEqual({ absurd: 1 });
    expect(parse(app(`${'x'.repeat(200)}[hirefire:router] queue=3ms`)).pushed).toEqual([]);
  });

  test('load, of each process', () => {
    const line =
      'source=worker.2 dyno=heroku.2808254.d97d0ea7 sample#load_avg_1m=2.46 sample#load_avg_5m=1.06 sample#load_avg_15m=0.99';
    expect(parse(`<45>1 ${time} host heroku worker.2 - ${line}`).pushed).toEqual([
      { metric: 'load1', name: 'worker', second, value: 2.46 },
      { metric: 'load5', name: 'worker', second, value: 1.06 },
      { metric: 'load15', name: 'worker', second, value: 0.99 },
    ]);
    expect(
      parse(`<45>1 ${time} host heroku web.1 - source=web.1 sample#memory_total=21.00MB`).pushed,
    ).toEqual([]);
  });

  test('lines that Logplex lost are counted', () => {
    const line = `<172>1 ${time} host heroku logplex - Error L10 (output buffer overflow): 500 messages dropped since 2026-01-01T00:00:00+00:00.`;
    expect(parse(line)).toMatchObject({ pushed: [], dropped: { lost: 500 } });
  });

  test('old lines and lines without a time are dropped, all others are none of our business', () => {
    const old = router('dyno=web.1 connect=1ms service=1ms status=200').replace('2026-01-01', '2025-12-31');
    expect(parse(old).dropped).toEqual({ late: 2 });
    expect(parse(old.replace(/2025\S+/, '-')).dropped).toEqual({ malformed: 2 });
    expect(parse(app('service=1ms dyno=web.1'), 'no syslog', '<1>1 a b c d e f')).toMatchObject({
      pushed: [],
      dropped: {},
    });
  });
});
