/** Numbers in AMQP tables, byte by byte; the same against real Python stands in interop.test.ts and remote.test.ts. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { respell } from './respell.ts';
import { amqpTable } from './table.ts';

const int = (value: number): object => ({ '!': 'int', value });

describe('what we write', () => {
  test.each([0, 1, 127, 32_768, -32_769, 2 ** 40, 1.5, -0.5, Number.NaN])('%d stays as it is', (value) => {
    const table = { value, list: [value], deep: { value } };
    expect(amqpTable(table)).toBe(table);
  });

  test.each([128, 300, 32_767, -1, -128, -32_768])('%d gets 32 bits, wherever it stands', (value) => {
    const table = { value, list: [1, value, [value]], deep: { value, text: 'x' } };
    expect(amqpTable(table)).toEqual({
      value: int(value),
      list: [1, int(value), [int(value)]],
      deep: { value: int(value), text: 'x' },
    });
    expect(table.value).toBe(value);
  });

  test('what has its type already, bytes and nothing stay as they are', () => {
    const table = { at: { '!': 'timestamp', value: 300 }, bytes: Buffer.from([1, 200]), none: null };
    expect(amqpTable(table)).toBe(table);
  });
});

type Field = readonly [letter: string, ...parts: (Buffer | Field | readonly [string, Field])[]];

function encoded([letter, ...parts]: Field): Buffer {
  const inside = Buffer.concat(
    parts.map((part) => {
      if (Buffer.isBuffer(part)) return part;
      const [first, second] = part;
      return letter === 'F' && Array.isArray(second)
        ? Buffer.concat([shortText(first), encoded(second as Field)])
        : encoded(part as Field);
    }),
  );
  const long = 'SxFA'.includes(letter);
  return Buffer.concat([Buffer.from(letter), ...(long ? [size(inside)] : []), inside]);
}

function shortText(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
}

function size(bytes: Buffer): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(bytes.length);
  return buffer;
}

function integer(value: bigint): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(value);
  return buffer;
}

/** A header frame with a content type, a content encoding and this table. */
function frameOf(table: Buffer): Buffer {
  const payload = Buffer.concat([
    Buffer.from([0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0xe0, 0]),
    shortText('application/L'),
    shortText('utf-8'),
    table,
  ]);
  return Buffer.concat([Buffer.from([2, 0, 1]), size(payload), payload, Buffer.from([0xce])]);
}

const tableWith = (letter: 'l' | 'L'): Buffer =>
  encoded([
    'F',
    ['L', ['S', Buffer.from('LLL')]],
    ['at', [letter, integer(1764000000123n)]],
    [
      'deep',
      [
        'F',
        ['list', ['A', ['b', Buffer.from([76])], [letter, integer(-5n)], ['V'], ['S', Buffer.from('L')]]],
      ],
    ],
    ['last', [letter, integer(0x4c4c4c4c4c4c4c4cn)]],
  ]).subarray(1);

describe('what we read', () => {
  test('only the letter of long integers changes', () => {
    const frame = frameOf(tableWith('L'));
    respell(frame);
    expect(frame).toEqual(frameOf(tableWith('l')));
  });

  test('a frame that is not all there waits, and one of another kind is left alone', () => {
    const frame = frameOf(tableWith('L'));
    const part = Buffer.from(frame.subarray(0, frame.length - 20));
    respell(part);
    expect(part).toEqual(frame.subarray(0, frame.length - 20));
    const other = Buffer.from(frame);
    other[0] = 3;
    const before = Buffer.from(other);
    respell(other);
    expect(other).toEqual(before);
  });

  test('no bytes make it throw, run on, or touch the next frame', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (some) => {
        const frame = Buffer.concat([
          frameOf(Buffer.concat([size(Buffer.from(some)), Buffer.from(some)])),
          Buffer.from('LLLL'),
        ]);
        respell(frame);
        expect(frame.subarray(-4).toString()).toBe('LLLL');
        respell(Buffer.concat([Buffer.from([2, 0, 1, 0, 0, 0, 30]), Buffer.from(some)]));
        respell(Buffer.from(some));
      }),
    );
  });
});
