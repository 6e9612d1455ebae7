/**
 * Python's JSON: read as JavaScript values, and written back as it came.
 *
 * Python writes NaN and Infinity bare, which JSON.parse refuses, and kombu (from 5.3) wraps what JSON lacks as
 * `{"__type__": "datetime", "__value__": "2026-11-22T05:06:28"}` (kombu/utils/json.py, 5.6.2). A datetime becomes a Date,
 * bytes a Uint8Array, the others a PythonText. Each of them carries a toJSON that writes the wrapper again, so that a
 * job which is retried or put back reaches the next worker as it was sent, with Python's microseconds. A table of types
 * beside the message was the other way; it would have to follow every copy of the arguments.
 *
 * Python's integers have no end, and JavaScript's numbers are exact up to 2^53 only: ids of 64 bits are common. One beyond
 * that comes as a bigint, and is written as the bare digits it was. A number that is nearly the right one was the other way:
 * nobody notices it until a customer gets another's order.
 *
 * Usual messages have none of these: they cost two searches in their text.
 */
import { randomUUID } from 'node:crypto';

/** A `date`, `time`, `decimal` or `uuid` of Python, which JavaScript has no exact type for. */
export class PythonText {
  readonly type: 'date' | 'time' | 'decimal' | 'uuid' | 'datetime';
  /** As Python's str() has it: `2026-11-22`, `05:06:28`, `1.10`, `0cc2aa5c-…`. */
  readonly text: string;

  constructor(type: PythonText['type'], text: string) {
    this.type = type;
    this.text = text;
  }

  toString(): string {
    return this.text;
  }

  toJSON(): unknown {
    const value = this.type === 'uuid' ? { hex: this.text.replaceAll('-', '') } : this.text;
    return { __type__: this.type, __value__: value };
  }
}

export interface PythonValues {
  datetime(at: Date): Date;
  /** `2026-11-22`. */
  date(text: string): PythonText;
  /** `05:06:28`. */
  time(text: string): PythonText;
  /** `1.10`. */
  decimal(text: string): PythonText;
  uuid(text: string): PythonText;
  bytes(bytes: Uint8Array): Uint8Array;
}

/**
 * Values for Celery 5.3 and later that arrive there as Python's own types: `send('task', [python.decimal('1.10')])`. Older
 * ones get the wrapper as a dict; for them write a text.
 */
export const python: PythonValues = {
  datetime: (at: Date): Date => writtenAs(new Date(at), 'datetime', at.toISOString().replace('Z', '+00:00')),
  date: (text: string): PythonText => new PythonText('date', text),
  time: (text: string): PythonText => new PythonText('time', text),
  decimal: (text: string): PythonText => new PythonText('decimal', text),
  uuid: (text: string): PythonText => new PythonText('uuid', text),
  bytes: (bytes: Uint8Array): Uint8Array => asBytes(new Uint8Array(bytes)),
};

/** Integers beyond 2^53 are bigints. @throws SyntaxError */
export function parseJson(text: string): unknown {
  let apart = longInteger.test(text);
  let value: unknown;
  try {
    value = JSON.parse(apart ? marked(text) : text) as unknown;
  } catch (error) {
    if (apart || !nonFinite.test(text)) throw error;
    apart = true;
    value = JSON.parse(marked(text)) as unknown;
  }
  if (apart && nonFinite.test(text)) remember(value);
  return apart || text.includes('"__type__"') ? revived(value, apart) : value;
}

/**
 * Bigints are written as bare digits, which Python reads exactly. A number beyond 2^53 is a floating point one, and is written so.
 *
 * @param special writes NaN and Infinity bare, for Python; else they are null, as in JSON. @throws TypeError
 */
export function writeJson(value: unknown, special: boolean): string {
  const plain = special ? undefined : plainJson(value);
  if (plain !== undefined) return plain;
  const text = JSON.stringify(value, (_key, item: unknown) => {
    const bare = bareText(item, special);
    return bare === undefined ? item : mark + bare;
  });
  return text?.replaceAll(new RegExp(`"${mark}([^"]+)"`, 'g'), '$1');
}

/** Undefined where numbers may be in it that need care. */
function plainJson(value: unknown): string | undefined {
  try {
    const text = JSON.stringify(value);
    return text === undefined || longInteger.test(text) ? undefined : text;
  } catch (error) {
    // That of a bigint. What has no JSON at all fails once more.
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

function bareText(item: unknown, special: boolean): string | undefined {
  if (typeof item === 'bigint') return String(item);
  if (typeof item !== 'number') return undefined;
  if (!Number.isFinite(item)) return special ? String(item) : undefined;
  return Number.isInteger(item) && !Number.isSafeInteger(item) && Math.abs(item) < 1e21
    ? `${item}.0`
    : undefined;
}

/** Whether one of these came with a NaN or an Infinity. */
export function hadSpecialNumbers(...values: readonly object[]): boolean {
  return anyRemembered && values.some((value) => remembered.has(value));
}

/** Whether lists and objects lie in one another more than so many times. */
export function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return false;
  if (levels === 0) return true;
  return Object.values(value).some((part) => isDeeper(part, levels - 1));
}

/** Bytes that JSON writes as kombu does: as text where they are UTF-8, else in base64. */
export function asBytes(bytes: Uint8Array): Uint8Array {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString('utf8');
  const same = Buffer.from(text).equals(buffer);
  return same ? writtenAs(bytes, 'bytes', text) : writtenAs(bytes, 'base64', buffer.toString('base64'));
}

/** As JSON would bring it: every Uint8Array within made ready for `asBytes`, and a bigint only where a number is not exact. */
export function fromMsgpack(value: unknown): unknown {
  return walked(value, (item) => {
    if (typeof item === 'bigint') return Number.isSafeInteger(Number(item)) ? Number(item) : undefined;
    return item instanceof Uint8Array ? asBytes(item) : undefined;
  });
}

/**
 * A copy for msgpack, which has a form of its own for bytes (and obeys toJSON all the same), and for integers of 64 bits:
 * those of more than 32 would be written as floating point.
 */
export function forMsgpack(value: unknown): unknown {
  if (typeof value === 'number' && isLong(value)) return BigInt(value);
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (Array.isArray(value)) return value.map(forMsgpack);
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, forMsgpack(item)]));
}

function isLong(value: number): boolean {
  return Number.isSafeInteger(value) && (value > 0xffff_ffff || value < -0x8000_0000);
}

const mark = `#${randomUUID()}#`;
/** Whether one may be in a text: also a long floating point number or digits within quotes, which are told apart later. */
const longInteger = /(?<![.\d])\d{16}/;
const nonFinite = /NaN|Infinity/;
/** No Python reads more (sys.int_info.default_max_str_digits). */
const mostDigits = 4_300;

/** What JavaScript's numbers cannot say, as texts with a mark. By hand, as a pattern for texts takes the square of a broken one's length. */
function marked(text: string): string {
  const tokens = /"|NaN|-?Infinity|-?\d[\d.eE+-]*/g;
  const parts: string[] = [];
  let from = 0;
  for (let found = tokens.exec(text); found; found = tokens.exec(text)) {
    const [token] = found;
    if (token === '"') tokens.lastIndex = endOfText(text, found.index);
    else if (isUnsayable(token)) {
      parts.push(text.slice(from, found.index), `"${mark}${token}"`);
      from = found.index + token.length;
    }
  }
  return parts.join('') + text.slice(from);
}

/** Behind the quote that ends it, or the end of all. */
function endOfText(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at > 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text[at - 1 - slashes] === '\\') slashes++;
    if (slashes % 2 === 0) return at + 1;
  }
  return text.length;
}

function isUnsayable(token: string): boolean {
  if (!/\d/.test(token)) return true;
  if (token.length < 16 || token.length > mostDigits || !/^-?\d+$/.test(token)) return false;
  return !Number.isSafeInteger(Number(token));
}

const remembered = new WeakSet<object>();
let anyRemembered = false;

/** The parts of a body, by which it is known again when it is sent on. */
function remember(body: unknown): void {
  if (typeof body !== 'object' || body === null) return;
  anyRemembered = true;
  // A row holds its body one level deeper.
  for (const part of Object.values(body).flatMap((one: unknown) => [one, ...childrenOf(one)]))
    if (typeof part === 'object' && part !== null) remembered.add(part);
}

function childrenOf(value: unknown): unknown[] {
  return typeof value === 'object' && value !== null ? Object.values(value) : [];
}

function revived(value: unknown, apart: boolean): unknown {
  return walked(value, (item) => {
    if (apart && typeof item === 'string' && item.startsWith(mark)) return unmarked(item.slice(mark.length));
    return isWrapper(item) ? unwrapped(item) : undefined;
  });
}

function unmarked(token: string): number | bigint {
  return /\d/.test(token) ? BigInt(token) : Number(token);
}

/** Changes in place what `change` answers for; an unknown wrapper stays as it is. */
function walked(value: unknown, change: (item: unknown) => unknown): unknown {
  const changed = change(value);
  if (changed !== undefined) return changed;
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  const parts = value as Record<string, unknown>;
  for (const key of Object.keys(parts)) {
    const part = parts[key];
    const next = walked(part, change);
    // Not by assignment: a key may be "__proto__".
    if (next !== part)
      Object.defineProperty(parts, key, {
        value: next,
        writable: true,
        enumerable: true,
        configurable: true,
      });
  }
  return value;
}

interface Wrapper {
  readonly __type__: unknown;
  readonly __value__: unknown;
}

function isWrapper(item: unknown): item is Wrapper {
  if (typeof item !== 'object' || item === null) return false;
  return (
    Object.hasOwn(item, '__type__') && Object.hasOwn(item, '__value__') && Object.keys(item).length === 2
  );
}

function unwrapped({ __type__: type, __value__: value }: Wrapper): unknown {
  if (type === 'uuid') {
    const hex = String((value as { hex?: unknown } | null)?.hex ?? '');
    const parts = /^(.{8})(.{4})(.{4})(.{4})(.{12})$/.exec(hex);
    return parts ? new PythonText('uuid', parts.slice(1).join('-')) : undefined;
  }
  if (typeof value !== 'string') return undefined;
  if (type === 'datetime') return datetimeOf(value);
  if (type === 'date' || type === 'time' || type === 'decimal') return new PythonText(type, value);
  if (type === 'bytes') return writtenAs(new Uint8Array(Buffer.from(value)), 'bytes', value);
  if (type === 'base64') return writtenAs(new Uint8Array(Buffer.from(value, 'base64')), 'base64', value);
  return undefined;
}

/** Without an offset it is UTC, as Celery reads it; with one that JavaScript lacks (of seconds) it stays a text. */
function datetimeOf(iso: string): Date | PythonText {
  const at = new Date(/(Z|[+-]\d\d:?\d\d)$/.test(iso) ? iso : `${iso}Z`);
  return Number.isNaN(at.getTime()) ? new PythonText('datetime', iso) : writtenAs(at, 'datetime', iso);
}

function writtenAs<T extends object>(value: T, type: string, text: string): T {
  return Object.defineProperty(value, 'toJSON', { value: () => ({ __type__: type, __value__: text }) });
}
