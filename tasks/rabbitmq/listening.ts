/** A consumer that stays: subscribed again after every outage, until it is told to stop. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Channel, ChannelModel } from 'amqplib';
import type { Link } from './link.ts';

const firstPauseMs = 100;
const longestPauseMs = 10_000;

/**
 * @param subscribe declares what it needs and consumes on the channel; answers with the tag of its consumer
 * @returns what ends it; all that came before has been heard when it resolves
 */
export async function listening<T extends { readonly connection: ChannelModel }>(
  link: Link<T>,
  subscribe: (live: T, channel: Channel) => Promise<string>,
): Promise<() => Promise<void>> {
  const stopped = new AbortController();
  let current: { readonly channel: Channel; readonly tag: string } | undefined;
  const open = async (): Promise<void> => {
    const live = await link.get();
    const channel = await live.connection.createChannel();
    let subscribed = false;
    channel.on('error', () => {});
    channel.on('close', () => {
      current = undefined;
      if (subscribed) void again();
    });
    try {
      current = { channel, tag: await subscribe(live, channel) };
      subscribed = true;
    } catch (error) {
      await channel.close().catch(() => {});
      throw error;
    }
    if (stopped.signal.aborted) await channel.close().catch(() => {});
  };
  const again = async (): Promise<void> => {
    for (
      let pauseMs = firstPauseMs;
      !stopped.signal.aborted;
      pauseMs = Math.min(longestPauseMs, 2 * pauseMs)
    ) {
      const waitMs = pauseMs * (0.5 + Math.random() / 2);
      await pause(waitMs, undefined, { signal: stopped.signal, ref: false }).catch(() => {});
      if (stopped.signal.aborted) return;
      try {
        return await open();
      } catch {
        // The next attempt says whether it is over.
      }
    }
  };
  await open();
  return async () => {
    stopped.abort();
    const last = current;
    // What was pushed before the server agreed to the end has been heard by then.
    await last?.channel.cancel(last.tag).catch(() => {});
    await last?.channel.close().catch(() => {});
  };
}
