/**
 * Lets amqplib read the integers that Python writes. py-amqp writes a whole number of more than 32 bits into a header as
 * `L`; RabbitMQ passes it on, and amqplib (2.3.1) knows only `l`, which is the same eight bytes: it drops the connection
 * over it, the message comes back, and the worker is lost to it for good. A time in milliseconds is such a number.
 *
 * So the letter is changed in the bytes before amqplib reads them. Its decoder itself cannot be reached: the package hides it.
 */

/** What this needs of amqplib's connection; it is not part of its types. */
export interface Receiver {
  /** What came and is not read yet. */
  rest: Buffer;
  recvFrame(): unknown;
}

export function readLongIntegers(receiver: Partial<Receiver> | undefined): void {
  if (!receiver || typeof receiver.recvFrame !== 'function') return;
  const receive = receiver.recvFrame.bind(receiver);
  // It calls itself by this name when more has come.
  receiver.recvFrame = () => {
    if (receiver.rest) respell(receiver.rest);
    return receive();
  };
}

const frameOverhead = 7;
const headerFrame = 2;
/** Class, weight, and the size of the body, before the flags. */
const flagsAt = frameOverhead + 12;
const hasType = 0x8000;
const hasEncoding = 0x4000;
const hasHeaders = 0x2000;
const long = 'L'.charCodeAt(0);
const deepest = 100;

/** Changes the table of headers of the first frame, when it is one of a message and is all there. */
export function respell(bytes: Buffer): void {
  if (bytes.length < flagsAt + 2 || bytes[0] !== headerFrame) return;
  const end = frameOverhead + bytes.readUInt32BE(3);
  if (bytes.length < end || !bytes.subarray(flagsAt, end).includes(long)) return;
  const flags = bytes.readUInt16BE(flagsAt);
  if ((flags & hasHeaders) === 0) return;
  let at = flagsAt + 2;
  for (const flag of [hasType, hasEncoding]) if ((flags & flag) !== 0) at += 1 + (bytes[at] ?? 0);
  if (at + 4 > end) return;
  table(bytes, at + 4, Math.min(end, at + 4 + bytes.readUInt32BE(at)), 0);
}

/** By the letter: how many bytes follow. */
const widths: Readonly<Record<string, number>> = {
  b: 1,
  B: 1,
  t: 1,
  s: 2,
  u: 2,
  U: 2,
  I: 4,
  i: 4,
  f: 4,
  D: 5,
  l: 8,
  L: 8,
  d: 8,
  T: 8,
  V: 0,
};

function table(bytes: Buffer, from: number, end: number, depth: number): void {
  for (let at = from; at < end; ) at = value(bytes, at + 1 + (bytes[at] ?? 0), end, depth);
}

/** Where the next one begins; the end for what nobody can read, which is left as it is. */
function value(bytes: Buffer, at: number, end: number, depth: number): number {
  if (at >= end || depth > deepest) return end;
  const letter = String.fromCharCode(bytes[at] ?? 0);
  const width = widths[letter];
  if (width !== undefined) {
    if (letter === 'L') bytes[at] = 'l'.charCodeAt(0);
    return at + 1 + width;
  }
  if (!'SxFA'.includes(letter) || at + 5 > end) return end;
  const inside = at + 5;
  const next = inside + bytes.readUInt32BE(at + 1);
  if (letter === 'F') table(bytes, inside, Math.min(next, end), depth + 1);
  if (letter === 'A')
    for (let one = inside; one < Math.min(next, end); ) one = value(bytes, one, end, depth + 1);
  return next;
}
