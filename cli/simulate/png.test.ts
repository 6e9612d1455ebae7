import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../../checks/fixtures.ts';
import { asPng } from './png.ts';

let folder: { path: string; remove(): void };
beforeAll(() => {
  folder = temporaryFolder('png');
  mkdirSync(join(folder.path, 'none'));
});
afterAll(() => folder.remove());

const open =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 50" font-family="system-ui, sans-serif">';
const empty = `${open}</svg>`;
const lines = `${open}<path d="M0 5L100 20" stroke="#777"/></svg>`;
const words = `${open}<path d="M0 5L100 20" stroke="#777"/><text x="5" y="40">Waiting jobs</text></svg>`;

/** Bytes that differ from the pixel or the row beside them, so none in an area of one colour but at its first row. */
function inked(png: Buffer): number {
  const chunks: Buffer[] = [];
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at))
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT')
      chunks.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  return inflateSync(Buffer.concat(chunks)).filter((byte) => byte !== 0).length;
}

test('it is a PNG of twice the size, with what was drawn', async () => {
  const { bytes } = await asPng(lines);
  expect(bytes.subarray(0, 8)).toEqual(Buffer.from('89504e470d0a1a0a', 'hex'));
  expect([bytes.readUInt32BE(16), bytes.readUInt32BE(20)]).toEqual([200, 100]);
  expect(inked(bytes)).toBeGreaterThan(inked((await asPng(empty)).bytes) + 50);
});

test('its words are there, though the font that it names is not', async ({ skip }) => {
  const [drawn, without] = [await asPng(words), await asPng(lines)];
  skip(!drawn.readable, 'this machine has no font: apt-get install fonts-dejavu-core');
  expect(inked(drawn.bytes)).toBeGreaterThan(inked(without.bytes) + 500);
});

test('a machine without fonts is told from one that has some', async () => {
  const fontDirs = [join(folder.path, 'none')];
  const drawn = await asPng(words, { fontDirs });
  expect(drawn.readable).toBe(false);
  expect(drawn.bytes).toEqual((await asPng(lines, { fontDirs })).bytes);
});
