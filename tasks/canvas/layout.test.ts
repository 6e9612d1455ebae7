/**
 * What a canvas looks like in the queue, beside what Python's Celery writes for the same canvas: body and headers of every
 * message, byte for byte once Python's spaces are gone and ids are numbered in the order in which they appear.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { has, type RedisServer, startRedis } from '../../checks/fixtures.ts';
import { createApp, type TasksApp } from '../index.ts';
import { chainOf, chord, group } from './signatures.ts';
import type { AnySignature } from './typed.ts';

const run = promisify(execFile);

interface Case {
  readonly name: string;
  /** In Python, with `a(…)` for a signature of "add", `t()` for one of "sum", and `i(…)` for an immutable one. */
  readonly python: string;
  readonly ours: (tools: Tools) => AnySignature;
}

interface Tools {
  a(...args: unknown[]): AnySignature;
  i(...args: unknown[]): AnySignature;
  t(): AnySignature;
}

const loose = {
  group: group as unknown as (all: readonly AnySignature[]) => AnySignature,
  chord: chord as unknown as (header: readonly AnySignature[], body: AnySignature) => AnySignature,
};
const chain = (...all: AnySignature[]): AnySignature => chainOf(all) as AnySignature;

const cases: readonly Case[] = [
  { name: 'one task', python: 'a(1, 2)', ours: ({ a }) => a(1, 2) },
  {
    name: 'a chain of three',
    python: 'chain(a(1, 2), a(3), a(4))',
    ours: ({ a }) => chain(a(1, 2), a(3), a(4)),
  },
  {
    name: 'a chain with an immutable task',
    python: 'chain(a(1, 2), i(3, 4))',
    ours: ({ a, i }) => chain(a(1, 2), i(3, 4)),
  },
  {
    name: 'callbacks and errbacks',
    python: 'linked(a(1, 2), [a(3), a(4)], [i(0, 0)])',
    ours: ({ a, i }) =>
      a(1, 2)
        .link(a(3) as never)
        .link(a(4) as never)
        .linkError(i(0, 0)),
  },
  {
    name: 'a group',
    python: 'group(a(1, 1), a(2, 2), a(3, 3))',
    ours: ({ a }) => loose.group([a(1, 1), a(2, 2), a(3, 3)]),
  },
  {
    name: 'a group with chains in it',
    python: 'group(chain(a(1, 1), a(2)), a(3, 3))',
    ours: ({ a }) => loose.group([chain(a(1, 1), a(2)), a(3, 3)]),
  },
  {
    name: 'a chord',
    python: 'chord([a(1, 1), a(2, 2)], t())',
    ours: ({ a, t }) => loose.chord([a(1, 1), a(2, 2)], t()),
  },
  {
    name: 'a chord with chains in its header',
    python: 'chord([chain(a(1, 1), a(2)), a(3, 3)], t())',
    ours: ({ a, t }) => loose.chord([chain(a(1, 1), a(2)), a(3, 3)], t()),
  },
  {
    name: 'a chord with a chain as its body',
    python: 'chord([a(1, 1), a(2, 2)], chain(t(), a(5)))',
    ours: ({ a, t }) => loose.chord([a(1, 1), a(2, 2)], chain(t(), a(5))),
  },
  {
    name: 'a group, and a task',
    python: 'chain(group(a(1, 1), a(2, 2)), t())',
    ours: ({ a, t }) => chain(loose.group([a(1, 1), a(2, 2)]), t()),
  },
  {
    name: 'a group, and two tasks',
    python: 'chain(group(a(1, 1), a(2, 2)), t(), a(9))',
    ours: ({ a, t }) => chain(loose.group([a(1, 1), a(2, 2)]), t(), a(9)),
  },
  {
    name: 'a task, a group, and a task',
    python: 'chain(a(1, 1), group(a(2), a(3)), t())',
    ours: ({ a, t }) => chain(a(1, 1), loose.group([a(2), a(3)]), t()),
  },
  {
    name: 'a task, and a group',
    python: 'chain(a(1, 1), group(a(2), a(3)))',
    ours: ({ a }) => chain(a(1, 1), loose.group([a(2), a(3)])),
  },
  {
    name: 'a chord in a chain',
    python: 'chain(a(1, 1), chord([a(2), a(3)], t()), a(4))',
    ours: ({ a, t }) => chain(a(1, 1), loose.chord([a(2), a(3)], t()), a(4)),
  },
  {
    name: 'a chord in the header of a chord',
    python: 'chord([chord([a(1, 1), a(2, 2)], t()), a(3, 3)], t())',
    ours: ({ a, t }) => loose.chord([loose.chord([a(1, 1), a(2, 2)], t()), a(3, 3)], t()),
  },
  {
    name: 'a chord as the body of a chord',
    python: 'chord([a(1, 1), a(2, 2)], chord([a(1), a(2)], t()))',
    ours: ({ a, t }) => loose.chord([a(1, 1), a(2, 2)], loose.chord([a(1), a(2)], t())),
  },
  {
    name: 'a group as the body of a chord',
    python: 'chord([a(1, 1), a(2, 2)], group(a(1), a(2)))',
    ours: ({ a }) => loose.chord([a(1, 1), a(2, 2)], loose.group([a(1), a(2)])),
  },
  {
    name: 'a chord in a group',
    python: 'group(chord([a(1, 1), a(2, 2)], t()), a(3, 3))',
    ours: ({ a, t }) => loose.group([loose.chord([a(1, 1), a(2, 2)], t()), a(3, 3)]),
  },
  {
    name: 'a group of one in a chain',
    python: 'chain(a(1, 1), group(a(2)), a(3))',
    ours: ({ a }) => chain(a(1, 1), loose.group([a(2)]), a(3)),
  },
  {
    name: 'a group in a group in a chain',
    python: 'chain(a(1, 1), group(a(2), group(a(3))), t())',
    ours: ({ a, t }) => chain(a(1, 1), loose.group([a(2), loose.group([a(3)])]), t()),
  },
  {
    name: 'two groups, one after the other',
    python: 'chain(group(a(1, 1), a(2, 2)), group(t(), t()))',
    ours: ({ a, t }) => chain(loose.group([a(1, 1), a(2, 2)]), loose.group([t(), t()])),
  },
  {
    name: 'a chain that ends in a group in the header of a chord',
    python: 'chord([chain(a(1, 1), group(a(2), a(3))), a(4, 4)], t())',
    ours: ({ a, t }) => loose.chord([chain(a(1, 1), loose.group([a(2), a(3)])), a(4, 4)], t()),
  },
  {
    name: 'errbacks of a chord',
    python: 'errors(chord([a(1, 1), a(2, 2)], t()), i(0, 0))',
    ours: ({ a, i, t }) => loose.chord([a(1, 1), a(2, 2)], t()).linkError(i(0, 0)),
  },
  {
    name: 'errbacks of a chain',
    python: 'errors(chain(a(1, 1), a(2)), i(0, 0))',
    ours: ({ a, i }) => chain(a(1, 1), a(2)).linkError(i(0, 0)),
  },
  {
    name: 'errbacks of a group',
    python: 'errors(group(a(1, 1), a(2, 2)), i(0, 0))',
    ours: ({ a, i }) => loose.group([a(1, 1), a(2, 2)]).linkError(i(0, 0)),
  },
  {
    name: 'options of a signature',
    python: "a(1, 1).set(queue='celery', priority=0, soft_time_limit=5, time_limit=9)",
    ours: ({ a }) =>
      a(1, 1).set({ queue: 'celery', priority: 0, timeLimit: { softSeconds: 5, hardSeconds: 9 } }),
  },
  {
    name: 'chunks',
    python: 'add.chunks([(1, 1), (2, 2), (3, 3)], 2)',
    ours: ({ t }) => t(),
  },
  {
    name: 'map',
    python: 'xmap(t(), [[1, 2], [3]])',
    ours: ({ t }) => t(),
  },
];

const script = (url: string, wanted: readonly Case[]): string => `
import json
from celery import Celery, chain, chord, group, xmap
app = Celery('layout', broker='${url}/0', backend='${url}/1')
app.set_default()
@app.task(name='add')
def add(a, b): return a + b
@app.task(name='sum')
def total(all): return sum(all)
a, i, t = add.s, add.si, total.s
def linked(sig, links, errors):
    for one in links: sig.link(one)
    for one in errors: sig.link_error(one)
    return sig
def errors(sig, one):
    sig.link_error(one)
    return sig
channel = app.connection_for_write().default_channel
out = []
for make in [${wanted.map(({ python }) => `lambda: ${python}`).join(', ')}]:
    app.backend.client.flushdb()
    make().delay()
    found = []
    while True:
        raw = channel.client.rpop('celery')
        if raw is None: break
        found.append(raw.decode())
    keys = sorted(k.decode().split('.')[-1] for k in app.backend.client.keys('*'))
    sizes = sorted(app.backend.client.get(k).decode() for k in app.backend.client.keys('*.s'))
    out.append([found, sizes])
print(json.dumps(out))
`;

describe.skipIf(!has('redisServer') || !has('python'))('as Python writes it', () => {
  let server: RedisServer;
  let redis: Redis;
  let store: Redis;
  let app: TasksApp;
  let theirs: readonly (readonly [string[], string[]])[];

  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
    store = new Redis(`${server.url}/1`);
    const { stdout } = await run(inject('servers').python, ['-c', script(server.url, cases)]);
    theirs = JSON.parse(stdout) as typeof theirs;
    app = createApp({ broker: `${server.url}/0`, results: `${server.url}/1`, log: () => {} });
  });
  afterAll(async () => {
    await app.close();
    redis.disconnect();
    store.disconnect();
    await server.stop();
  });
  beforeEach(async () => void (await redis.flushall()));

  test.each(cases.map((one, n) => ({ ...one, n })))('$name', async ({ ours, n, name }) => {
    const add = tasks(app);
    const sig = name === 'map' ? add.map : name === 'chunks' ? add.chunks : ours(add);
    await (sig as unknown as { delay(): Promise<unknown> }).delay();
    const found = (await redis.lrange('celery', 0, -1)).reverse();
    const sizes = await Promise.all((await store.keys('*.s')).map((key) => store.get(key)));
    const [messages, theirSizes] = theirs[n]!;
    expect(messages.length).toBeGreaterThan(0);
    expect(shape(found)).toEqual(shape(messages));
    expect(sizes).toEqual(theirSizes);
  });
});

const made = new WeakMap<TasksApp, Tools & { map: AnySignature; chunks: AnySignature }>();

function tasks(app: TasksApp): Tools & { map: AnySignature; chunks: AnySignature } {
  const old = made.get(app);
  if (old) return old;
  const add = app.task('add', (_context, a: number, b: number) => a + b);
  const sum = app.task('sum', (_context, all: number[]) => all.reduce((x, y) => x + y, 0));
  const s = add.s as unknown as (...args: unknown[]) => AnySignature;
  const si = add.si as unknown as (...args: unknown[]) => AnySignature;
  const tools = {
    a: s,
    i: si,
    t: () => sum.s() as AnySignature,
    map: sum.map([[1, 2], [3]]) as AnySignature,
    chunks: add.chunks(
      [
        [1, 1],
        [2, 2],
        [3, 3],
      ],
      2,
    ) as unknown as AnySignature,
  };
  made.set(app, tools);
  return tools;
}

/** A group at the end of a part of a chord has an id of its own here, for a reason (freeze.ts), and its header's in Celery. */
function withoutEndId(_name: string, value: unknown): unknown {
  const sig = value as { readonly subtask_type?: unknown; readonly options?: { group_id?: unknown } } | null;
  if (sig?.subtask_type !== 'group' || sig.options?.group_id === undefined) return value;
  return { ...sig, options: { ...sig.options, task_id: 'left out' } };
}

/** Ids become numbers in the order in which they appear; what differs by language or by machine is left out. */
function shape(texts: readonly string[]): unknown {
  const ids = new Map<string, string>();
  const numbered = (text: string): string =>
    text.replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, (id) => {
      const name = ids.get(id) ?? `id${ids.size + 1}`;
      ids.set(id, name);
      return name;
    });
  return texts.map((text) => {
    const { body, headers, properties } = JSON.parse(text) as {
      body: string;
      headers: Record<string, unknown>;
      properties: Record<string, unknown>;
    };
    const { task, group, group_index, root_id, parent_id, id, retries, ignore_result, argsrepr, timelimit } =
      headers;
    const { correlation_id, reply_to, priority } = properties;
    const content = JSON.parse(Buffer.from(body, 'base64').toString(), withoutEndId) as unknown;
    return {
      body: numbered(JSON.stringify(content)),
      rest: numbered(
        JSON.stringify([
          task,
          id,
          root_id,
          parent_id,
          group,
          group_index,
          retries,
          ignore_result,
          correlation_id,
          reply_to,
          priority,
          argsrepr,
          timelimit,
        ]),
      ),
    };
  });
}
