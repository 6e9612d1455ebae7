/** One JSON object per line; blank lines say nothing. */
import { readLines } from './lines.ts';
import { type Entry, entryOf, wrongLine } from './parse.ts';

export async function* readNdjson(
  chunks: AsyncIterable<Buffer>,
  maxLineBytes: number,
): AsyncGenerator<Entry[]> {
  for await (const lines of readLines(chunks, maxLineBytes))
    yield lines.flatMap((line): Entry[] => {
      if (line.text === undefined) return [wrongLine(line, maxLineBytes)];
      return line.text.trim() === '' ? [] : [entryOf(line.line, line.text)];
    });
}
