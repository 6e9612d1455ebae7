/**
 * Made-up canvases against what they mean: a few lines that work the same tree out without any queue. Every task takes
 * whatever comes before it and adds it up, so that all trees fit together, and no two of them are likely to come to the same.
 */
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { has, type RedisServer, startRedis, temporaryFolder } from '../../checks/fixtures.ts';
import { type AnySignature, chainOf, chord, createApp, group, type TasksApp, type Worker } from '../index.ts';

type Tree =
  | { readonly kind: 'task'; readonly n: number; readonly immutable: boolean }
  | { readonly kind: 'chain' | 'group' | 'chord'; readonly parts: readonly Tree[] };

const tree: fc.Arbitrary<Tree> = fc.letrec<{ tree: Tree }>((tie) => {
  const parts = (kind: 'chain' | 'group' | 'chord', minLength: number) =>
    fc.record({ kind: fc.constant(kind), parts: fc.array(tie('tree'), { minLength, maxLength: 3 }) });
  return {
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.record({
        kind: fc.constant('task' as const),
        n: fc.nat(99),
        immutable: fc.constantFrom(false, false, true),
      }),
      parts('chain', 1),
      parts('group', 1),
      parts('chord', 2),
    ),
  };
}).tree;

function drawn(count: number, seed: number): Tree[] {
  return fc.sample(tree, { numRuns: count, seed }).map((one) => ({ kind: 'chain', parts: [one] }));
}

function added(...args: unknown[]): number {
  return (3 * sum(args) + args.length) % 1_000_003;
}

function sum(value: unknown): number {
  return Array.isArray(value) ? value.reduce<number>((all, one) => all + sum(one), 0) : Number(value);
}

/** What comes out, given what comes in: a list for a group, a number for all else. */
function meant(node: Tree, given: readonly unknown[]): unknown {
  if (node.kind === 'task') return node.immutable ? added(node.n) : added(...given, node.n);
  const { kind, parts } = node;
  if (kind === 'group') return parts.map((part) => meant(part, given));
  if (kind === 'chain')
    return parts.reduce<readonly unknown[]>((before, part) => [meant(part, before)], given)[0];
  const header = parts.slice(0, -1).map((part) => meant(part, given));
  return meant(parts.at(-1) as Tree, [header]);
}

function built(app: TasksApp, node: Tree): AnySignature {
  if (node.kind === 'task') return app.signature('added', [node.n], { immutable: node.immutable });
  const parts = node.parts.map((part) => built(app, part));
  if (node.kind === 'chain') return chainOf(parts) as AnySignature;
  if (node.kind === 'group') return group(parts) as unknown as AnySignature;
  return chord(parts.slice(0, -1), parts.at(-1) as never) as AnySignature;
}

function shown(node: Tree): string {
  if (node.kind === 'task') return `${node.n}${node.immutable ? 'i' : ''}`;
  return `${node.kind}(${node.parts.map(shown).join(', ')})`;
}

/** Compared as sums: groups within groups come out flat, and a group of one in a chain as that one. */
async function differing(app: TasksApp, trees: readonly Tree[]): Promise<string[]> {
  const found = await Promise.all(
    trees.map(async (one) => {
      const sent = (await (built(app, one) as unknown as { delay(): Promise<unknown> }).delay()) as {
        get(options: object): Promise<unknown>;
      };
      const value = await sent.get({ timeoutMs: 100_000 }).catch(String);
      const [is, wanted] = [typeof value === 'string' ? value : sum(value), sum(meant(one, []))];
      return is === wanted ? '' : `${shown(one)} came to ${is}, not ${wanted}`;
    }),
  );
  return found.filter((text) => text !== '');
}

describe.skipIf(!has('redisServer'))('on Redis, where parts are counted', () => {
  let server: RedisServer;
  let app: TasksApp;
  let worker: Worker;
  let ended: Promise<void>;
  beforeAll(async () => {
    server = await startRedis();
    app = createApp({ broker: server.url, log: () => {} });
    app.task('added', (_context, ...args: readonly unknown[]) => added(...args));
    worker = app.worker({ concurrency: 8 });
    ended = worker.run();
  });
  afterAll(async () => {
    await worker.stop();
    await ended;
    await app.close();
    await server.stop();
  });

  test('what comes out is what is meant', async () => {
    const trees = drawn(150, 2026);
    expect(trees.filter((one) => shown(one).includes('chord')).length).toBeGreaterThan(30);
    expect(await differing(app, trees)).toEqual([]);
  }, 120_000);

  test('ten thousand at a time: in a group, and in a chord', async () => {
    const numbers = Array.from({ length: 10_000 }, (_, n) => n);
    const parts = () => numbers.map((n) => app.signature<number>('added', [n]));
    const [all, body] = await Promise.all([
      group(parts()).delay(),
      chord(parts(), app.signature<number>('added', [1])).delay(),
    ]);
    const patience = { timeoutMs: 200_000 };
    expect(await body.get(patience)).toBe(
      added(
        numbers.map((n) => added(n)),
        1,
      ),
    );
    expect(await all.get(patience)).toEqual(numbers.map((n) => added(n)));
    expect(await all.completedCount()).toBe(10_000);
  }, 240_000);
});

test('in a file, where parts are looked for', async () => {
  const folder = temporaryFolder('canvas-random');
  const app = createApp({ broker: `sqlite:${join(folder.path, 'b.db')}`, log: () => {} });
  app.task('added', (_context, ...args: readonly unknown[]) => added(...args));
  const worker = app.worker({ concurrency: 8 });
  const ended = worker.run();
  expect(await differing(app, drawn(40, 7))).toEqual([]);
  await worker.stop();
  await ended;
  await app.close();
  folder.remove();
}, 120_000);
