/**
 * Tells people: collects notices per channel, sends what belongs together as one message, and tries again what was refused.
 *
 * The first notice waits `groupSeconds` for others, so that one broken broker under twenty managers is one message. An
 * issue that is resolved before anybody was told of it is not told at all. In quiet hours only what is critical goes out;
 * the rest comes when they end. Everything is bounded: what waits per channel, and how often a message is tried.
 */
import type { Logger } from 'pino';
import { problemsWith, resolve } from '../decide/choice.ts';
import { isTimeZone, wallTime } from '../decide/wall-clock.ts';
import type { Notice, Notifier, NotifierKind, Post } from '../notify/notifier.ts';
import type { Channel, Quiet, Tells } from '../store/store.ts';
import { type Clock, withDeadline, wordsOf } from './clock.ts';
import type { Severity } from './issues.ts';

export const mostWaiting = 500;
const sendLimitMs = 30_000;
const retryMs = [5_000, 30_000, 120_000, 600_000, 1_800_000] as const;
const flushLimitMs = 5_000;

export interface Outbox {
  /** The channels as they are now; what waits for one that is gone is dropped. */
  use(channels: readonly Channel[]): void;
  /** Only channels of the organisation hear it, where one is named. */
  tell(notice: Notice, organisationId?: string): void;
  /** Sends one notice at once. @throws HeadcountError NOTIFY_FAILED, OPTION_INVALID, ADAPTER_UNKNOWN */
  test(channel: Pick<Channel, 'notifier'>, notice: Notice): Promise<void>;
  /** How the channel's last message went. Absent: none was sent since the start. */
  state(channelId: string): Sent | undefined;
  /** Sends what waits, 5 s at most. */
  close(): Promise<void>;
}

export interface Sent {
  readonly at: number;
  /** Absent: it was taken. */
  readonly error?: string;
}

interface Box {
  channel: Channel;
  waiting: Notice[];
  droppedCount: number;
  tries: number;
  sending: boolean;
  sent?: Sent;
  cancel?: () => void;
}

interface State {
  readonly clock: Clock;
  readonly log: Logger;
  readonly kinds: readonly NotifierKind[];
  readonly post: Post;
  readonly boxes: Map<string, Box>;
}

export function createOutbox(given: Omit<State, 'boxes'>): Outbox {
  const state: State = { ...given, boxes: new Map() };
  return {
    use: (channels) => useChannels(state, channels),
    tell: (notice, organisationId) => {
      for (const box of state.boxes.values()) {
        const owner = box.channel.organisationId;
        const isForeign = owner !== undefined && organisationId !== undefined && owner !== organisationId;
        if (!isForeign && wants(box.channel.tells, notice)) add(state, box, notice);
      }
    },
    test: async ({ notifier }, notice) => await send(state, open(state, notifier), [notice]),
    state: (id) => state.boxes.get(id)?.sent,
    close: async () => {
      const boxes = [...state.boxes.values()];
      for (const box of boxes) box.cancel?.();
      const all = Promise.all(
        boxes.filter(({ waiting }) => waiting.length > 0).map((box) => deliver(state, box)),
      );
      await withDeadline(state.clock, flushLimitMs, undefined, () => all).catch(() => {});
      for (const box of boxes) box.cancel?.();
      state.boxes.clear();
    },
  };
}

/** What is wrong with a channel, each as a clause; empty when nothing is. */
export function problemsWithChannel(
  kinds: readonly NotifierKind[],
  { notifier, tells }: Pick<Channel, 'notifier' | 'tells'>,
): string[] {
  const { quiet } = tells;
  return [
    ...problemsWith('notifier', kinds, notifier),
    ...(quiet && !isTimeZone(quiet.timeZone) ? [`"${quiet.timeZone}" is no time zone`] : []),
    ...(quiet && quiet.from === quiet.to ? ['the quiet hours end when they begin'] : []),
  ];
}

function useChannels({ boxes }: State, channels: readonly Channel[]): void {
  for (const [id, box] of boxes)
    if (!channels.some((channel) => channel.id === id)) {
      box.cancel?.();
      boxes.delete(id);
    }
  for (const channel of channels) {
    const box = boxes.get(channel.id);
    if (box) box.channel = channel;
    else boxes.set(channel.id, { channel, waiting: [], droppedCount: 0, tries: 0, sending: false });
  }
}

const ranks: Readonly<Record<Severity, number>> = { info: 0, warning: 1, critical: 2 };

function wants(tells: Tells, { kind, app, severity }: Notice): boolean {
  if (tells.apps && !tells.apps.includes(app)) return false;
  if (kind === 'scaled') return tells.scaled;
  const told = kind === 'opened' ? tells.opened : tells.resolved;
  return told && ranks[severity] >= ranks[tells.leastSeverity];
}

function add(state: State, box: Box, notice: Notice): void {
  const untold = box.waiting.findIndex(({ key, kind }) => key === notice.key && kind === 'opened');
  if (notice.kind === 'resolved' && untold >= 0 && !box.sending) {
    box.waiting.splice(untold, 1);
    return;
  }
  box.waiting.push(notice);
  if (box.waiting.length > mostWaiting) {
    box.waiting.shift();
    box.droppedCount += 1;
  }
  if (!box.cancel && !box.sending) later(state, box, box.channel.tells.groupSeconds * 1000);
}

function later(state: State, box: Box, delayMs: number): void {
  box.cancel?.();
  box.cancel = state.clock.after(delayMs, () => {
    delete box.cancel;
    void deliver(state, box);
  });
}

async function deliver(state: State, box: Box): Promise<void> {
  const { clock, log } = state;
  const now = clock.now();
  const held = quietUntil(box.channel.tells.quiet, now);
  const ready = box.waiting.filter(
    ({ severity, kind }) => !held || (severity === 'critical' && kind === 'opened'),
  );
  if (ready.length > 0) {
    box.sending = true;
    try {
      await send(state, open(state, box.channel.notifier), ready);
      box.waiting = box.waiting.filter((notice) => !ready.includes(notice));
      box.tries = 0;
      box.sent = { at: clock.now() };
    } catch (error) {
      box.sent = { at: clock.now(), error: wordsOf(error) };
      log.warn({ channel: box.channel.name }, `people cannot be told: ${wordsOf(error)}`);
      return again(state, box, ready);
    } finally {
      box.sending = false;
    }
  }
  if (box.waiting.length > 0 && state.boxes.has(box.channel.id))
    later(state, box, held ? held - now : box.channel.tells.groupSeconds * 1000);
}

function again(state: State, box: Box, refused: readonly Notice[]): void {
  const delayMs = retryMs[box.tries];
  if (delayMs !== undefined) {
    box.tries += 1;
    later(state, box, delayMs);
    return;
  }
  const { name, tells } = box.channel;
  state.log.error({ channel: name, notices: refused.length }, 'given up: nobody was told of these');
  box.waiting = box.waiting.filter((notice) => !refused.includes(notice));
  box.tries = 0;
  if (box.waiting.length > 0) later(state, box, tells.groupSeconds * 1000);
}

async function send({ clock }: State, notifier: Notifier, notices: readonly Notice[]): Promise<void> {
  await withDeadline(clock, sendLimitMs, undefined, (signal) => notifier.send(notices, signal));
}

function open({ kinds, post, clock }: State, choice: Channel['notifier']): Notifier {
  const { kind, options } = resolve('notifier', kinds, choice);
  return kind.create(options, { post, now: clock.now });
}

/** When the quiet hours that hold now end; nothing when they do not hold. */
export function quietUntil(quiet: Quiet | undefined, now: number): number | undefined {
  if (!quiet) return undefined;
  const { minute: at } = wallTime(now, quiet.timeZone);
  const [from, to] = [minutesOf(quiet.from), minutesOf(quiet.to)];
  const within = from < to ? at >= from && at < to : at >= from || at < to;
  if (!within) return undefined;
  const leftMinutes = (to - at + 24 * 60) % (24 * 60);
  return now - (now % 60_000) + leftMinutes * 60_000;
}

function minutesOf(text: string): number {
  const [hours = 0, minutes = 0] = text.split(':').map(Number);
  return hours * 60 + minutes;
}
