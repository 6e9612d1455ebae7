/**
 * Results as Celery's Redis backend keeps them: the key `celery-task-meta-<id>`, set with an expiry and published on a
 * channel of the same name (celery/backends/redis.py). A SUCCESS is never overwritten; the check and the write are one step.
 */
import type { Redis } from 'ioredis';
import type { RedisSettings } from '../open.ts';
import { asking, keyPrefixOf, openRedis } from '../redis/connection.ts';
import {
  decodeResult,
  encodeResult,
  type ResultRecord,
  type Results,
  type ResultsSettings,
  underWay,
} from '../results.ts';
import { soon, waitFor } from './listener.ts';
import { redisChords } from './redis-chords.ts';

const storeScript = `
local old = redis.call('GET', KEYS[1])
if old then
  local ok, record = pcall(cjson.decode, old)
  if ok and type(record) == 'table' and record.status == 'SUCCESS' then return 0 end
end
if tonumber(ARGV[1]) > 0 then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[1])
else redis.call('SET', KEYS[1], ARGV[2]) end
redis.call('PUBLISH', KEYS[1], ARGV[2])
return 1`;

type Command = (key: string, ...args: (string | number)[]) => Promise<unknown>;

export async function openRedisResults(
  url: string,
  settings: RedisSettings,
  { expiresSeconds }: ResultsSettings,
): Promise<Results> {
  const redis = await openRedis(url, true, settings);
  redis.defineCommand('headcountStore', { lua: storeScript, numberOfKeys: 1 });
  const { headcountStore } = redis as unknown as { headcountStore: Command };
  const keyPrefix = keyPrefixOf(url, settings);
  const keyOf = (id: string): string => `${keyPrefix}celery-task-meta-${id}`;
  const get = async (id: string): Promise<ResultRecord | undefined> =>
    decodeResult(await asking(redis, () => redis.get(keyOf(id))));
  const storing = underWay();
  const channels = channelsOf(() => openRedis(url, true, settings));
  return {
    store: async (record) => {
      const key = keyOf(record.task_id);
      const text = encodeResult(record);
      await storing.add(
        asking(redis, () => headcountStore.call(redis, key, Math.round(expiresSeconds * 1000), text)),
      );
    },
    get,
    chords: redisChords(redis, keyPrefix),
    wait: async (id, signal) => {
      let wake = (): void => {};
      const leave = await channels.listen(keyOf(id), () => wake());
      try {
        const told = (): ((given: AbortSignal) => Promise<void>) => {
          const named = new Promise<void>((resolve) => {
            wake = resolve;
          });
          return (given) => soon(named, given);
        };
        return await waitFor(() => get(id), told, signal);
      } finally {
        leave();
      }
    },
    close: async () => {
      await storing.all();
      channels.close();
      redis.disconnect();
    },
  };
}

/** One subscribing connection for all who wait, made when somebody first does. */
function channelsOf(connect: () => Promise<Redis>): {
  listen(channel: string, told: () => void): Promise<() => void>;
  close(): void;
} {
  const listeners = new Map<string, Set<() => void>>();
  let opening: Promise<Redis> | undefined;
  const open = async (): Promise<Redis> => {
    const made = await connect();
    made.on('message', (channel: string) => {
      for (const told of listeners.get(channel) ?? []) told();
    });
    return made;
  };
  return {
    listen: async (channel, told) => {
      opening ??= open();
      const redis = await opening;
      const set = listeners.get(channel) ?? new Set();
      listeners.set(channel, set.add(told));
      await asking(redis, () => redis.subscribe(channel));
      return () => {
        set.delete(told);
        if (set.size > 0) return;
        listeners.delete(channel);
        void redis.unsubscribe(channel).catch(() => {});
      };
    },
    close: () => void opening?.then((redis) => redis.disconnect()),
  };
}
