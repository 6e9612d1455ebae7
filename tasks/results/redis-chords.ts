/**
 * Chords counted as Celery's Redis backend counts them (celery/backends/redis.py, 5.2.6), on the keys
 * `celery-taskset-meta-<group>`: `.j` is a sorted set of the parts that came back, by their index; `.s` is how many there
 * are; `.t` how many were added later. So a part that a Python worker finishes and one that ours does count alike.
 *
 * One difference: a job that runs twice with different results is in Celery's set twice, and its chord never ends. Here the
 * second takes the place of the first. Adding and counting are one script, so that two workers cannot both miss the end.
 */
import type { Redis } from 'ioredis';
import { asking } from '../redis/connection.ts';
import { type ChordCounts, resultExpiresSeconds } from '../results.ts';

const addScript = `
if ARGV[1] ~= '+inf' then
  for _, old in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], ARGV[1])) do
    local ok, part = pcall(cjson.decode, old)
    if old ~= ARGV[2] and ok and type(part) == 'table' and part[2] == ARGV[3] then
      redis.call('ZREM', KEYS[1], old)
    end
  end
end
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ARGV[4]) end
local size = redis.call('GET', KEYS[3])
if not size then return false end
local wanted = tonumber(size) + tonumber(redis.call('GET', KEYS[2]) or '0')
if redis.call('ZCARD', KEYS[1]) ~= wanted then return false end
return redis.call('ZRANGE', KEYS[1], 0, -1)`;

type Command = (...args: (string | number)[]) => Promise<unknown>;

export function redisChords(redis: Redis, prefix: string): ChordCounts {
  redis.defineCommand('headcountChordAdd', { lua: addScript, numberOfKeys: 3 });
  const { headcountChordAdd } = redis as unknown as { headcountChordAdd: Command };
  const key = (groupId: string, part = ''): string => `${prefix}celery-taskset-meta-${groupId}${part}`;
  const keys = (groupId: string): [string, string, string] => [
    key(groupId, '.j'),
    key(groupId, '.t'),
    key(groupId, '.s'),
  ];
  return {
    setSize: async (groupId, size) => {
      await asking(redis, () => redis.setex(key(groupId, '.s'), resultExpiresSeconds, size));
    },
    add: async (groupId, index, id, part) => {
      const args = [...keys(groupId), index ?? '+inf', part, id, resultExpiresSeconds];
      const all = await asking(redis, () => headcountChordAdd.call(redis, ...args));
      return Array.isArray(all) ? all.map(String) : undefined;
    },
    clear: async (groupId) => {
      await asking(redis, () => redis.del(...keys(groupId)));
    },
    saveGroup: async (groupId, text) => {
      await asking(redis, () => redis.setex(key(groupId), resultExpiresSeconds, text));
    },
    savedGroup: async (groupId) => (await asking(redis, () => redis.get(key(groupId)))) ?? undefined,
  };
}
