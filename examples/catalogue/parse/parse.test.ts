import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Entry, readerFor } from './parse.ts';

const limit = 200;

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function readAll(
  type: string,
  text: string | Buffer,
  size = 7,
  maxLineBytes = limit,
): Promise<Entry[]> {
  const entries: Entry[] = [];
  const chunks = inPieces(Buffer.from(text), size);
  for await (const some of readerFor(type)(chunks, maxLineBytes)) entries.push(...some);
  return entries;
}

const short = (entries: readonly Entry[]): string[] =>
  entries.map((entry) =>
    'wrong' in entry
      ? `${entry.line} ${entry.wrong.code}`
      : `${entry.line} ${entry.kind} ${entry.fields.title}`,
  );

describe('NDJSON', () => {
  test('tells what is wrong with a line and goes on with the next', async () => {
    const body = [
      '{"title":"a"}',
      '',
      'nonsense',
      '{"type":"album","title":"b"}',
      '{"type":"song"}',
      '[1]',
      `{"title":"${'x'.repeat(limit)}"}`,
      '{"title":"ü"}',
    ].join('\r\n');
    expect(short(await readAll('application/x-ndjson', body))).toEqual([
      '1 track a',
      '3 json_malformed',
      '4 album b',
      '5 type_unknown',
      '6 not_an_object',
      '7 line_too_long',
      '8 track ü',
    ]);
  });

  test('a line that is not UTF-8 is wrong, and a byte order mark is not', async () => {
    const bytes = Buffer.concat([Buffer.from('\ufeff{"title":"a"}\n'), Buffer.from([0x22, 0xff, 0x0a])]);
    expect(short(await readAll('application/x-ndjson', bytes))).toEqual(['1 track a', '2 not_utf8']);
  });
});

describe('JSON', () => {
  test('reads an array, and keeps a malformed element to itself', async () => {
    const body = '[{"title":"a]\\"}"}, 5, {"title":{}},, {bad} ,{"title":"b"}]';
    expect(short(await readAll('application/json', body))).toEqual([
      '1 track a]"}',
      '2 not_an_object',
      '3 track [object Object]',
      '4 json_malformed',
      '5 json_malformed',
      '6 track b',
    ]);
  });

  test('reads the three lists of an object', async () => {
    const body = ' {"tracks": [{"title":"a"}], "albums" : [], "playlists":[{"title":"p"}] } ';
    expect(short(await readAll('application/json', body))).toEqual(['1 track a', '2 playlist p']);
  });

  test('says where it ended in the middle, after what came before', async () => {
    expect(short(await readAll('application/json', '[{"title":"a"},{"tit'))).toEqual([
      '1 track a',
      '3 json_unfinished',
    ]);
  });

  test.each(['"text"', '{"songs":[]}', '{"tracks":5}', '[] []', '', '{1}'])(
    'refuses %s as a whole',
    async (body) => {
      await expect(readAll('application/json', body)).rejects.toMatchObject({ name: 'Problem', status: 400 });
    },
  );

  test('an element over the limit is skipped without being kept', async () => {
    const body = `[{"title":"${'x'.repeat(5_000)}"},{"title":"b"}]`;
    expect(short(await readAll('application/json', body))).toEqual(['1 line_too_long', '2 track b']);
  });
});

describe('CSV', () => {
  test('a stray quote costs its own line and no other', async () => {
    const body = [
      'Title,artist',
      'a,x',
      '"b"y,z',
      'c,d,e',
      'f',
      '"two',
      'lines",q',
      'g,"never closed',
      'h,x',
    ].join('\n');
    expect(short(await readAll('text/csv; charset=utf-8', body))).toEqual([
      '2 track a',
      '3 csv_malformed',
      '4 csv_columns',
      '5 track f',
      '6 track two\nlines',
      '8 csv_malformed',
      '9 track h',
    ]);
  });

  test('needs a header', async () => {
    await expect(readAll('text/csv', 'a,b\nc,d\n')).rejects.toMatchObject({ code: 'BODY_MALFORMED' });
  });
});

test.each([undefined, '', 'text/plain', 'application/xml; charset=utf-8'])(
  'refuses the content type %s',
  (type) => {
    expect(() => readerFor(type)).toThrow(expect.objectContaining({ status: 415 }));
  },
);

const title = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).map((text) => `t${text.trim()}`);
const titles = fc.array(title, { minLength: 1, maxLength: 30 });
const pieces = fc.integer({ min: 1, max: 40 });

describe('however the body is cut into pieces', () => {
  const found = async (type: string, body: string, size: number): Promise<unknown[]> =>
    (await readAll(type, body, size, 10_000)).map((entry) => ('wrong' in entry ? entry : entry.fields.title));

  test('NDJSON gives every line once, in order', async () => {
    await fc.assert(
      fc.asyncProperty(titles, pieces, async (list, size) => {
        const body = list.map((text) => JSON.stringify({ title: text })).join('\n');
        expect(await found('application/x-ndjson', body, size)).toEqual(list);
      }),
    );
  });

  test('JSON gives every element once, in order', async () => {
    await fc.assert(
      fc.asyncProperty(titles, pieces, fc.integer({ min: 0, max: 2 }), async (list, size, indent) => {
        const elements = list.map((text) => ({ title: text }));
        const body = JSON.stringify(size % 2 ? elements : { tracks: elements }, undefined, indent);
        expect(await found('application/json', body, size)).toEqual(list);
      }),
    );
  });

  test('CSV gives every record once, in order, whatever its quotes and breaks', async () => {
    const field = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', ' ', 'é'), maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fc.array(field, { minLength: 1, maxLength: 20 }), pieces, async (list, size) => {
        const given = list.map((text) => `t${text}t`);
        const body = `title,artist\n${given.map((text) => `"${text.replace(/"/g, '""')}",x`).join('\n')}`;
        expect(await found('text/csv', body, size)).toEqual(given);
      }),
    );
  });

  test('no bytes at all make a reader fail otherwise than with a problem', async () => {
    const bytes = fc.uint8Array({ maxLength: 300 }).map((list) => Buffer.from(list));
    const soup = fc
      .string({ unit: fc.constantFrom(...'[]{}",:\\\n titleracks1'), maxLength: 200 })
      .map((text) => Buffer.from(text));
    const types = fc.constantFrom('application/x-ndjson', 'application/json', 'text/csv');
    await fc.assert(
      fc.asyncProperty(types, fc.oneof(bytes, soup), pieces, async (type, body, size) => {
        const entries = await readAll(type, body, size).catch((error: unknown) => {
          expect(error).toMatchObject({ name: 'Problem', status: 400 });
          return [];
        });
        const lines = entries.map((entry) => entry.line);
        expect(lines).toEqual([...new Set(lines)].sort((a, b) => a - b));
      }),
      { numRuns: 500 },
    );
  });
});
