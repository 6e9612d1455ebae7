/** Bytes cut into physical lines, numbered from 1. A line over the limit is skipped to its end without being kept. */
import { isUtf8 } from 'node:buffer';

export interface Line {
  readonly line: number;
  /** Absent when the line cannot be used; `wrong` says why. */
  readonly text?: string;
  readonly wrong?: 'too-long' | 'not-utf8';
}

const newline = 0x0a;

/** The lines that each chunk completes. */
export async function* readLines(
  chunks: AsyncIterable<Buffer>,
  maxLineBytes: number,
): AsyncGenerator<Line[]> {
  let number = 1;
  let kept: Buffer[] = [];
  let keptBytes = 0;

  const keep = (piece: Buffer): void => {
    keptBytes += piece.length;
    if (keptBytes <= maxLineBytes) kept.push(piece);
    else kept = [];
  };
  const finish = (): Line => {
    const line =
      keptBytes > maxLineBytes ? { line: number, wrong: 'too-long' as const } : decode(number, kept);
    number += 1;
    kept = [];
    keptBytes = 0;
    return line;
  };

  for await (const chunk of chunks) {
    const lines: Line[] = [];
    let from = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, from)) {
      keep(chunk.subarray(from, end));
      lines.push(finish());
      from = end + 1;
    }
    if (from < chunk.length) keep(chunk.subarray(from));
    yield lines;
  }
  if (keptBytes > 0) yield [finish()];
}

function decode(line: number, pieces: readonly Buffer[]): Line {
  const bytes = pieces.length === 1 && pieces[0] ? pieces[0] : Buffer.concat(pieces);
  if (!isUtf8(bytes)) return { line, wrong: 'not-utf8' };
  const text = bytes.toString('utf8');
  return { line, text: line === 1 ? text.replace(/^\ufeff/u, '') : text };
}
