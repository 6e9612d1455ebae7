import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rawItems, rawMembers, textIn } from './raw-json.ts';

const spaced = (value: unknown, indent: number): string => JSON.stringify(value, null, indent);

describe('the parts of a JSON text', () => {
  test('are what JSON.parse finds, however it is written', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.integer({ min: 0, max: 3 }), (list, indent) => {
        const items = rawItems(spaced(list, indent));
        expect(items?.map((item) => JSON.parse(item))).toEqual(JSON.parse(JSON.stringify(list)));
      }),
    );
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.integer({ min: 0, max: 3 }),
        (object, indent) => {
          const members = [...(rawMembers(spaced(object, indent)) ?? [])];
          expect(members.map(([name, value]) => [name, JSON.parse(value)])).toEqual(
            Object.entries(JSON.parse(JSON.stringify(object))),
          );
        },
      ),
    );
  });

  test('stay as they were written', () => {
    expect(rawItems(' [1.0, 12345678901234567890 ,NaN, "a,\\"]" , {"b": [ -Infinity ]} ]\n')).toEqual([
      '1.0',
      '12345678901234567890',
      'NaN',
      '"a,\\"]"',
      '{"b": [ -Infinity ]}',
    ]);
    expect(rawMembers('{"a:{": 1.0, "\\u0062": [], "a:{": 2e0}')).toEqual(
      new Map([
        ['a:{', '2e0'],
        ['b', '[]'],
      ]),
    );
    expect(rawItems('[ ]')).toEqual([]);
    expect(rawMembers('{}')).toEqual(new Map());
  });

  test.each(['', '[', '[1', '[1,]', '[,1]', '{"a":1}', '[1] 2]', '["a]', '[1}, 2]x', 'null', '[1: 2]'])(
    '%j is no list',
    (text) => {
      expect(rawItems(text)).toBeUndefined();
    },
  );

  test.each(['', '{', '{1}', '{"a"}', '{"a":}', '{a:1}', '[1]', '{"a":1}}', '{"a:1}'])(
    '%j is no object',
    (text) => {
      expect(rawMembers(text)).toBeUndefined();
    },
  );

  test('a text is one only when it is one', () => {
    expect(textIn('"a\\n"')).toBe('a\n');
    expect([textIn('1'), textIn('"a'), textIn(undefined)]).toEqual([undefined, undefined, undefined]);
  });
});
