/**
 * From a message to the bytes that lie in a queue, and back: serializer, compression, protocol. Celery's defaults are
 * ours: JSON, plain, protocol 2, and nothing else is accepted. Whatever cannot be read comes back with a code and is set
 * aside; a stranger's text never throws.
 *
 * Facts: kombu/serialization.py and compression.py, 5.6.2. What kombu calls "gzip" is a zlib stream.
 */
import zlib from 'node:zlib';
import { packageMissing } from './errors.ts';
import { type Decoded, type DecodeErrorCode, decode, encode, isoTime, type TaskMessage } from './message.ts';
import { oldBodyOf } from './message-v1.ts';
import { forMsgpack, fromMsgpack, hadSpecialNumbers, isDeeper, parseJson, writeJson } from './values.ts';

export interface FormatOptions {
  /** Celery's `task_protocol`. Default 2. */
  readonly protocol?: 1 | 2;
  /** How messages are written. Default 'json'. 'msgpack' needs the package msgpackr. */
  readonly serializer?: Serializer;
  /** Default: none. 'zlib' is what Celery calls gzip; 'zstd' needs Node 22.15. */
  readonly compression?: Compression;
  /** What is read; the rest is set aside, as Celery's `accept_content`. Default ['json'] and the serializer. */
  readonly accept?: readonly Serializer[];
  /** True: NaN and Infinity are written bare, which Python reads and JavaScript does not. Default false: as null. */
  readonly specialNumbers?: boolean;
}

export type Serializer = 'json' | 'msgpack';
export type Compression = 'zlib' | 'gzip' | 'brotli' | 'zstd';

export interface Format {
  readonly protocol: 1 | 2;
  readonly serializer: Serializer;
  readonly compression: Codec | undefined;
  readonly accept: ReadonlySet<string>;
  readonly specialNumbers: boolean;
  readonly msgpack: Msgpack | undefined;
}

export interface Packed {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly content: string | Buffer;
  readonly contentType: string;
  readonly contentEncoding: 'utf-8' | 'binary';
}

interface Msgpack {
  /** Undefined for what it cannot hold: an integer of more than 64 bits. */
  pack(value: unknown): Buffer | undefined;
  unpack(bytes: Uint8Array): unknown;
}

interface Codec {
  readonly mime: string;
  compress(content: Buffer): Buffer;
  decompress(content: Buffer): Buffer;
}

const jsonType = 'application/json';
const msgpackType = 'application/x-msgpack';

/** More than any broker carries; a compressed message may claim to be larger than the memory. */
const mostBytes = 256 * 1024 * 1024;

/** Python reads no more, and what is much deeper can be read here but not written again. */
const mostNested = 1_000;

export const plainFormat: Format = {
  protocol: 2,
  serializer: 'json',
  compression: undefined,
  accept: new Set([jsonType]),
  specialNumbers: false,
  msgpack: undefined,
};

/** Written as Celery does by default: what most apps have. */
export function isPlain({ protocol, serializer, compression, specialNumbers }: Format): boolean {
  return protocol === 2 && serializer === 'json' && compression === undefined && !specialNumbers;
}

/** @throws TasksError PACKAGE_MISSING. Options were checked by `checkFormat`. */
export async function openFormat(options: FormatOptions): Promise<Format> {
  const { protocol = 2, serializer = 'json', specialNumbers = false } = options;
  const accepted = new Set<Serializer>(options.accept ?? ['json', serializer]);
  const types = { json: jsonType, msgpack: msgpackType } as const;
  return {
    protocol,
    serializer,
    specialNumbers,
    compression:
      options.compression && codecs().find(({ names }) => names.includes(options.compression ?? '')),
    accept: new Set([...accepted].map((name) => types[name])),
    msgpack: serializer === 'msgpack' || accepted.has('msgpack') ? await openMsgpack() : undefined,
  };
}

/** Whether this Node has it. */
export function canCompress(name: string): boolean {
  return codecs().some(({ names }) => names.includes(name));
}

/** @throws TypeError for what the serializer cannot hold */
export function pack(message: TaskMessage, format: Format): Packed {
  const wire = encode(message);
  const old = format.protocol === 1 && message.embed.chain == null;
  const headers = old ? { ...message.extraHeaders, published_at: wire.headers.published_at } : wire.headers;
  const value = old ? oldBodyOf(message, isoTime) : [message.args, message.kwargs, message.embed];
  const special = format.specialNumbers || hadSpecialNumbers(message.args, message.kwargs);
  const text = (): string => (old || special ? writeJson(value, special) : wire.body);
  const binary = format.serializer === 'msgpack' ? format.msgpack?.pack(value) : undefined;
  const content = binary ?? text();
  const { compression } = format;
  return {
    headers: compression ? { ...headers, compression: compression.mime } : headers,
    properties: wire.properties,
    content: compression ? compression.compress(Buffer.from(content)) : content,
    contentType: binary ? msgpackType : jsonType,
    contentEncoding: binary ? 'binary' : 'utf-8',
  };
}

/** Never throws. */
export function unpack(
  { headers, properties, content, contentType }: Unread,
  format: Format,
): Decoded<TaskMessage> {
  const type = contentType === 'application/msgpack' ? msgpackType : contentType;
  if (typeof type !== 'string' || !format.accept.has(type))
    return bad('CONTENT_TYPE', `${String(type).slice(0, 80)} is not accepted here`);
  const compression = (headers as { compression?: unknown } | null | undefined)?.compression;
  let plain: string | Buffer | undefined = content;
  if (compression !== undefined && compression !== null) {
    plain = decompressed(content, compression);
    if (plain === undefined)
      return bad('COMPRESSED', `the body cannot be read as ${unreadable(compression)}`);
  }
  const value = type === msgpackType ? unpacked(plain, format) : fromJson(plain);
  if (value === undefined) return bad('BODY_NOT_JSON', `the body is not ${type}`);
  if (plain.length > mostNested && isDeeper(value, mostNested))
    return bad('BODY_SHAPE', `the body is nested deeper than ${mostNested}`);
  return decode(headers, properties, value);
}

function unreadable(compression: unknown): string {
  const name = String(compression).slice(0, 80);
  return /zstd|zstandard/.test(name) && !canCompress('zstd') ? `${name}: that needs Node 22.15` : name;
}

export interface Unread {
  readonly headers: unknown;
  readonly properties: unknown;
  readonly content: string | Buffer;
  readonly contentType: unknown;
}

function fromJson(content: string | Buffer): unknown {
  try {
    return parseJson(content.toString());
  } catch {
    return undefined;
  }
}

function unpacked(content: string | Buffer, { msgpack }: Format): unknown {
  try {
    return fromMsgpack(msgpack?.unpack(Buffer.from(content)));
  } catch {
    return undefined;
  }
}

function decompressed(content: string | Buffer, mime: unknown): Buffer | undefined {
  try {
    return codecs()
      .find((codec) => codec.mime === mime || codec.names.includes(String(mime)))
      ?.decompress(Buffer.from(content));
  } catch {
    return undefined;
  }
}

type NamedCodec = Codec & { readonly names: readonly string[] };

const limit = { maxOutputLength: mostBytes };

const standardCodecs: readonly NamedCodec[] = [
  {
    names: ['gzip', 'zlib'],
    mime: 'application/x-gzip',
    compress: (content) => zlib.deflateSync(content),
    decompress: (content) => zlib.inflateSync(content, limit),
  },
  {
    names: ['brotli'],
    mime: 'application/x-brotli',
    compress: (content) => zlib.brotliCompressSync(content),
    decompress: (content) => zlib.brotliDecompressSync(content, limit),
  },
];

function codecs(): readonly NamedCodec[] {
  // Node has it from 22.15 on.
  const { zstdCompressSync, zstdDecompressSync } = zlib as Partial<
    Record<'zstdCompressSync' | 'zstdDecompressSync', (content: Buffer, options?: typeof limit) => Buffer>
  >;
  if (!zstdCompressSync || !zstdDecompressSync) return standardCodecs;
  const zstd: NamedCodec = {
    names: ['zstd', 'zstandard'],
    mime: 'application/zstd',
    compress: (content) => zstdCompressSync(content),
    decompress: (content) => zstdDecompressSync(content, limit),
  };
  return [...standardCodecs, zstd];
}

async function openMsgpack(): Promise<Msgpack> {
  try {
    const { Packr } = await import('msgpackr');
    const packr = new Packr({ useRecords: false, variableMapSize: true, encodeUndefinedAsNil: true });
    return {
      pack: (value) => {
        try {
          return packr.pack(forMsgpack(value));
        } catch (error) {
          if (error instanceof RangeError) return undefined;
          throw error;
        }
      },
      unpack: (bytes) => packr.unpack(bytes) as unknown,
    };
  } catch (error) {
    throw packageMissing('msgpackr', 'The serializer msgpack', error);
  }
}

function bad(code: DecodeErrorCode, text: string): Decoded<never> {
  return { ok: false, error: { code, text } };
}
