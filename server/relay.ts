/**
 * What controllers on one PostgreSQL tell one another over its bus: every checkup, so that each serves the whole dashboard;
 * what a person changed, so that the one who holds the app takes it up; and that leases were given back.
 *
 * Checkups are collected for a moment and sent as few messages, because each is a statement. One that is too long for a
 * message goes without its decision: the page finds that in the history. Nothing is sent while nobody else lives, and
 * what the database does not take is dropped: the tables hold all that matters.
 */
import type { Logger } from 'pino';
import { type Bus, messageBytes } from '../store/bus.ts';
import type { CheckupEvent } from './api.ts';
import type { IssueEvent } from './api-issues.ts';
import { type Clock, wordsOf } from './clock.ts';

const collectMs = 200;
const mostCollected = 5_000;

export interface Relay {
  checkup(event: CheckupEvent): void;
  say(word: Word): void;
  close(): void;
}

export type Word =
  | { readonly say: 'checkups'; readonly events: readonly CheckupEvent[] }
  | { readonly say: 'issue'; readonly event: IssueEvent }
  /** `now`: with a checkup at once. */
  | { readonly say: 'changed'; readonly app: string; readonly now: boolean }
  | { readonly say: 'channels' }
  | { readonly say: 'look' };

export interface RelayOptions {
  readonly id: string;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether anybody else lives. */
  readonly others: () => boolean;
}

export function createRelay({ id, bus, clock, log, others }: RelayOptions): Relay {
  let collected: CheckupEvent[] = [];
  let cancel: (() => void) | undefined;
  const send = (word: Word): void => {
    if (!others()) return;
    const text = JSON.stringify({ from: id, ...word });
    if (Buffer.byteLength(text) > messageBytes) return;
    void bus.send(text).catch((error) => log.debug(`the other controllers are not told: ${wordsOf(error)}`));
  };
  const flush = (): void => {
    cancel = undefined;
    const events = collected;
    collected = [];
    for (const part of parts(events)) send({ say: 'checkups', events: part });
  };
  return {
    checkup: (event) => {
      if (!others() || collected.length >= mostCollected) return;
      collected.push(event);
      cancel ??= clock.after(collectMs, flush);
    },
    say: send,
    close: () => {
      cancel?.();
      flush();
    },
  };
}

/** What another controller said; nothing when it is this one's own word, or none. */
export function heardFrom(id: string, message: string): Word | undefined {
  try {
    const { from, ...word } = JSON.parse(message) as Word & { from: string };
    return from === id ? undefined : (word as Word);
  } catch {
    return undefined;
  }
}

/** Room for the words around the events. */
const eventBytes = messageBytes - 200;

function parts(events: readonly CheckupEvent[]): CheckupEvent[][] {
  const result: CheckupEvent[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const given of events) {
    const event = fitting(given);
    const own = Buffer.byteLength(JSON.stringify(event)) + 1;
    if (bytes + own > eventBytes) {
      result.push([]);
      bytes = 0;
    }
    result.at(-1)?.push(event);
    bytes += own;
  }
  return result;
}

function fitting(event: CheckupEvent): CheckupEvent {
  if (Buffer.byteLength(JSON.stringify(event)) < eventBytes) return event;
  const { decision: _, ...rest } = event;
  return { ...rest, ...(rest.unknown && { unknown: rest.unknown.slice(0, 500) }) };
}
