/** One command to workers, as kombu/pidbox.py (5.6.2) writes it: read with tolerance, and whom it is meant for. */
import { randomUUID } from 'node:crypto';
import type { ReplyTo, Sent } from './remote.ts';

export interface Command {
  readonly method: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** Absent: nobody waits for an answer. */
  readonly replyTo?: ReplyTo;
  readonly ticket: unknown;
}

/** Undefined for what is not meant for this worker, is too old, or is no command. */
export function commandFor(node: string, { headers, body }: Sent, nowMs: number): Command | undefined {
  if (!isRecord(body) || typeof body.method !== 'string') return undefined;
  const expires = Number(headers.expires) || 0;
  if (expires > 0 && expires * 1000 < nowMs) return undefined;
  if (!isMeant(node, body)) return undefined;
  const to = isRecord(body.reply_to) ? body.reply_to : undefined;
  return {
    method: body.method,
    arguments: isRecord(body.arguments) ? body.arguments : {},
    ticket: body.ticket ?? null,
    ...(to ? { replyTo: { exchange: String(to.exchange), routingKey: String(to.routing_key) } } : {}),
  };
}

export interface Question {
  readonly method: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
  readonly destination?: readonly string[];
  /** Seconds from now after which no worker answers any more. */
  readonly lifeSeconds: number;
}

/** The broker adds where answers go. */
export function question(asked: Question, nowMs: number): Sent {
  return {
    headers: { clock: 1, expires: nowMs / 1000 + asked.lifeSeconds },
    body: {
      method: asked.method,
      arguments: asked.arguments ?? {},
      destination: asked.destination ?? null,
      pattern: null,
      matcher: null,
      ticket: randomUUID(),
    },
  };
}

/** As kombu: names count, else a pattern, else it is for all. */
function isMeant(node: string, { destination, pattern, matcher }: Record<string, unknown>): boolean {
  if (Array.isArray(destination) && destination.length > 0) return destination.includes(node);
  if (typeof pattern === 'string' && pattern !== '' && matcher) return matches(node, pattern, matcher);
  return true;
}

/** `glob` is Python's fnmatch, `pcre` its re.match, which holds on to the beginning only. */
export function matches(name: string, pattern: string, matcher: unknown): boolean {
  try {
    if (matcher === 'pcre') return new RegExp(`^(?:${pattern})`).test(name);
    return matcher === 'glob' && new RegExp(`^${globSource(pattern)}$`, 's').test(name);
  } catch {
    return false;
  }
}

function globSource(pattern: string): string {
  return pattern.replace(/\*+|\?|\[!?\]?[^\]]*\]|[^*?[]+|\[/g, (part) => {
    if (part.startsWith('*')) return '.*';
    if (part === '?') return '.';
    if (part.startsWith('[') && part.length > 2)
      return `[${part.slice(1, -1).replace(/^!/, '^').replaceAll('\\', '\\\\')}]`;
    return part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  });
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
