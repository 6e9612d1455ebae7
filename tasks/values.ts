/**
 * Python's JSON: read as JavaScript values, and written back as it came.
 *
 * Python writes NaN and Infinity bare, which JSON.parse refuses, and kombu (from 5.3) wraps what JSON lacks as
 * `{"__type__": "datetime", "__value__": "2026-11-22T05:06:28"}` (kombu/utils/json.py, 5.6.2). A datetime becomes a Date,
 * bytes a Uint8Array, the others a PythonText. Each of them carries a toJSON that writes the wrapper again, so that a
 * job which is retried or put back reaches the next worker as it was sent, with Python's microseconds. A table of types
 * beside the message was the other way; it would have to follow every copy of the arguments.
 *
 * Usual messages have neither: they cost one search for a text.
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

/** @throws SyntaxError */
export function parseJson(text: string): unknown {
  let value: unknown;
  let apart = false;
  try {
    value = JSON.parse(text) as unknown;
  } catch (error) {
    if (!/NaN|Infinity/.test(text)) throw error;
    apart = true;
    value = JSON.parse(text.replace(numbersOrTexts, (found) => sentinels.get(found) ?? found)) as unknown;
  }
  if (apart) remember(value);
  return apart || text.includes('"__type__"') ? revived(value, apart) : value;
}

/** @param special writes NaN and Infinity bare, for Python; else they are null, as in JSON. @throws TypeError */
export function writeJson(value: unknown, special: boolean): string {
  if (!special) return JSON.stringify(value);
  const text = JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'number' && !Number.isFinite(item) ? `${mark}${item}` : item,
  );
  return text.replaceAll(new RegExp(`"${mark}([^"]+)"`, 'g'), '$1');
}

/** Whether one of these came with a NaN or an Infinity. */
export function hadSpecialNumbers(...values: readonly object[]): boolean {
  return anyRemembered && values.some((value) => remembered.has(value));
}

/** Bytes that JSON writes as kombu does: as text where they are UTF-8, else in base64. */
export function asBytes(bytes: Uint8Array): Uint8Array {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString('utf8');
  const same = Buffer.from(text).equals(buffer);
  return same ? writtenAs(bytes, 'bytes', text) : writtenAs(bytes, 'base64', buffer.toString('base64'));
}

/** Every Uint8Array within, made ready for `asBytes`. */
export function withBytes(value: unknown): unknown {
  return walked(value, (item) => (item instanceof Uint8Array ? asBytes(item) : undefined));
}

/** A copy in which bytes are bare: msgpack has a form of its own for them, and obeys toJSON all the same. */
export function bareBytes(value: unknown): unknown {
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (Array.isArray(value)) return value.map(bareBytes);
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, bareBytes(item)]));
}

const mark = `#${randomUUID()}#`;
const numbersOrTexts = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g;
const sentinels: ReadonlyMap<string, string> = new Map(
  ['NaN', 'Infinity', '-Infinity'].map((name) => [name, `"${mark}${name}"`]),
);

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
    if (apart && typeof item === 'string' && item.startsWith(mark)) return Number(item.slice(mark.length));
    return isWrapper(item) ? unwrapped(item) : undefined;
  });
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
