/** Canvas within TypeScript: types, stores that cannot count, what is refused, and what a stranger's signature can do. */
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, expectTypeOf, test } from 'vitest';
import { temporaryFolder } from '../../checks/fixtures.ts';
import { until } from '../../checks/servers.ts';
import {
  type AsyncResult,
  chain,
  chainOf,
  chord,
  createApp,
  type GroupResult,
  group,
  Reject,
  type Signature,
  type TasksApp,
  TasksError,
  type Worker,
} from '../index.ts';
import { newMessage } from '../message.ts';
import { openBroker, parseAddress } from '../open.ts';
import { kindOf, newSig, readSig, type Sig } from './data.ts';
import { frozenOf, tupleOf } from './frozen.ts';
import { endsOf, type Planning, planned } from './plan.ts';

const define = (app: TasksApp) => ({
  add: app.task('add', (_context, a: number, b: number) => a + b),
  sum: app.task('sum', (_context, all: readonly number[]) => all.reduce((a, b) => a + b, 0)),
  shout: app.task('shout', (_context, text: string) => text.toUpperCase()),
  show: app.task('show', (_context, value: unknown, digits?: number) => `${value} ${digits ?? ''}`),
  fail: app.task('fail', (_context, _value?: unknown): number => {
    throw new RangeError('on purpose');
  }),
});

describe('types', () => {
  const app = createApp({ broker: 'memory:canvas-types', log: () => {} });
  const { add, sum, shout, show } = define(app);

  test('a signature lacks what it was not given', () => {
    expectTypeOf(add.s(1, 2)).toEqualTypeOf<Signature<[], number>>();
    expectTypeOf(add.s(2)).toEqualTypeOf<Signature<[a: number], number>>();
    expectTypeOf(add.s()).toEqualTypeOf<Signature<[a: number, b: number], number>>();
    expectTypeOf(add.s(2).delay).parameters.toEqualTypeOf<[a: number]>();
    expectTypeOf(add.s(1, 2).delay).returns.resolves.toEqualTypeOf<AsyncResult<number>>();
    expectTypeOf(add.si(1, 2).delay).returns.resolves.toEqualTypeOf<AsyncResult<number>>();
    expectTypeOf(show.s().delay).toBeCallableWith('x');
    expectTypeOf(show.s().delay).toBeCallableWith('x', 2);
    // @ts-expect-error a text is no number
    add.s('1');
    // @ts-expect-error too many
    add.s(1, 2, 3);
    // @ts-expect-error it needs both
    add.si(1);
  });

  test('a chain hands each result on', () => {
    expectTypeOf(chain(add.s(1, 2), add.s(3), show.s()).delay).returns.resolves.toEqualTypeOf<
      AsyncResult<string>
    >();
    expectTypeOf(chain(add.s(1), add.s(3)).delay).parameters.toEqualTypeOf<[a: number]>();
    expectTypeOf(chain(add.s(1, 2), shout.si('x')).delay).returns.resolves.toEqualTypeOf<
      AsyncResult<string>
    >();
    // @ts-expect-error a number is no text
    chain(add.s(1, 2), shout.s());
    // @ts-expect-error it lacks nothing, and would be called with three
    chain(add.s(1, 2), add.s(3, 4));
    expectTypeOf(chainOf<number>([add.s(1, 2), add.s(3)]).delay).returns.resolves.toEqualTypeOf<
      AsyncResult<number>
    >();
  });

  test('a group has the results of all, and a chord hands them on', () => {
    const both = group([add.s(1, 2), shout.s('x')]);
    expectTypeOf(both.delay).returns.resolves.toEqualTypeOf<GroupResult<[number, string]>>();
    const many = group([1, 2, 3].map((n) => add.s(n, n)));
    expectTypeOf(many.delay).returns.resolves.toEqualTypeOf<GroupResult<number[]>>();
    expectTypeOf(group([add.s(1), add.s(2)]).delay).parameters.toEqualTypeOf<[a: number]>();
    expectTypeOf(chain(many, sum.s()).delay).returns.resolves.toEqualTypeOf<AsyncResult<number>>();
    expectTypeOf(chord([add.s(1, 1), add.s(2, 2)], sum.s()).delay).returns.resolves.toEqualTypeOf<
      AsyncResult<number>
    >();
    expectTypeOf(chain(add.s(1, 1), group([add.s(1), add.s(2)])).delay).returns.resolves.toEqualTypeOf<
      GroupResult<[number, number]>
    >();
    // @ts-expect-error a text among the numbers
    chord([add.s(1, 1), shout.s('x')], sum.s());
    // @ts-expect-error it takes a list
    chain(many, add.s(1));
  });

  test('map, starmap and chunks', () => {
    expectTypeOf(shout.map(['a']).delay).returns.resolves.toEqualTypeOf<AsyncResult<string[]>>();
    expectTypeOf(add.starmap([[1, 2]]).delay).returns.resolves.toEqualTypeOf<AsyncResult<number[]>>();
    expectTypeOf(add.chunks([[1, 2]], 10).delay).returns.resolves.toEqualTypeOf<GroupResult<number[][]>>();
    // @ts-expect-error texts, not numbers
    shout.map([1]);
    // @ts-expect-error pairs
    add.starmap([[1]]);
    expectTypeOf(add.s(1).link(show.s())).toEqualTypeOf<Signature<[a: number], number>>();
    expectTypeOf(app.signature<number>('py.add', [1]).delay).returns.resolves.toEqualTypeOf<
      AsyncResult<number>
    >();
  });
});

describe('on a file, where chords are polled for', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let app: TasksApp;
  let tasks: ReturnType<typeof define>;
  let running: { worker: Worker; ended: Promise<void> };
  const logged: string[] = [];
  beforeEach(() => {
    folder = temporaryFolder('canvas');
    logged.length = 0;
    app = createApp({
      broker: `sqlite:${join(folder.path, 'b.db')}`,
      log: (_level, text) => void logged.push(text),
    });
    tasks = define(app);
    const worker = app.worker({ concurrency: 8 });
    running = { worker, ended: worker.run() };
  });
  afterEach(async () => {
    await running.worker.stop();
    await running.ended;
    await app.close();
    folder.remove();
  });

  test('a chord, a chord in a chain, a chord in a chord', async () => {
    const { add, sum } = tasks;
    const inner = chord([add.s(1, 1), add.s(2, 2)], sum.s());
    const all = await Promise.all([
      chord(
        [1, 2, 3].map((n) => add.s(n, n)),
        sum.s(),
      ).delay(),
      chain(add.s(1, 2), group([add.s(10), add.s(20)]), sum.s(), add.s(100)).delay(),
      chord([inner, add.s(3, 3)], sum.s()).delay(),
    ]);
    expect(await Promise.all(all.map((one) => one.get()))).toEqual([12, 136, 12]);
  });

  test('a failing header fails the body, and what follows it', async () => {
    const { add, sum, fail } = tasks;
    const result = await chain(chord([add.s(1, 1), fail.s()], sum.s()), add.s(1)).delay();
    await expect(result.get()).rejects.toMatchObject({
      code: 'TASK_FAILED',
      message: /ChordError: Dependency .* raised RangeError\("on purpose"\)/,
    });
    await expect(result.parent?.get()).rejects.toMatchObject({ code: 'TASK_FAILED' });
  });

  test('a group is saved and found again; results know their parents', async () => {
    const { add } = tasks;
    const sent = await chain(add.s(1, 1), group([add.s(1), add.s(2)])).delay();
    expect(await sent.get()).toEqual([3, 4]);
    expect(await sent.parent?.get()).toBe(2);
    await sent.save();
    expect(await (await app.groupResult(sent.id))?.get()).toEqual([3, 4]);
    expect(await app.groupResult('never')).toBeUndefined();
  });

  test('results tell how far they are, without waiting', async () => {
    const { add, fail } = tasks;
    const held: (() => void)[] = [];
    const hold = app.task('hold', () => new Promise<void>((resolve) => void held.push(resolve)));
    const one = await hold.delay();
    const all = await group([add.s(1, 1), hold.s(), add.s(2, 2)]).delay();
    await until(async () => held.length === 2 && (await all.completedCount()) === 2, 'two of three');
    const look = async () => [await one.state(), await one.ready(), await all.state(), await all.ready()];
    expect(await look()).toEqual(['PENDING', false, 'PENDING', false]);
    for (const go of held) go();
    await Promise.all([one.get(), all.get()]);
    expect([...(await look()), await all.completedCount()]).toEqual(['SUCCESS', true, 'SUCCESS', true, 3]);
    const failing = await group([add.s(1, 1), fail.s()]).delay();
    await until(() => failing.ready(), 'the failure');
    expect([await failing.state(), await failing.completedCount()]).toEqual(['FAILURE', 1]);
    expect(await app.result('never').state()).toBe('PENDING');
    const quiet = await add.applyAsync([1, 1], { ignoreResult: true });
    await expect(quiet.state()).rejects.toMatchObject({ code: 'RESULT_IGNORED' });
  });

  test('children are told, and a call in a handler belongs to its canvas', async () => {
    const seen: unknown[] = [];
    const inner = app.task('inner', ({ rootId, parentId }) => void seen.push([rootId, parentId]));
    const outer = app.task('outer', async (context) => {
      await inner.applyAsync([], { parent: context });
      await inner.s().applyAsync([], { parent: context });
    });
    const result = await outer.s().link(tasks.show.s()).delay();
    await until(() => seen.length === 2, 'both');
    expect(seen).toEqual([
      [result.id, result.id],
      [result.id, result.id],
    ]);
    await result.get();
    const [child, ...more] = await result.children();
    expect([await child?.get(), more]).toEqual(['null ', []]);
  });

  test('replace, by a task, by a chain and by a group, in the middle of a chain', async () => {
    const { add, sum } = tasks;
    app.task('as', ({ replace }, n: number, how: string): number =>
      replace(
        how === 'task'
          ? add.s(n, 10)
          : how === 'chain'
            ? chain(add.s(n, 10), add.s(100))
            : group([add.s(n, 10), sum.s([1])]),
      ),
    );
    const as = (how: string) => app.signature<number>('as', [how]);
    const sent = ['task', 'chain', 'group'].map(
      async (how) => await chain(add.s(1, 1), as(how), add.s(1000)).delay(),
    );
    const results = await Promise.all(sent);
    // Celery's celery.accumulate takes the list of results as its first argument, and answers with that.
    expect(await Promise.all(results.slice(0, 2).map((one) => one.get()))).toEqual([1012, 1112]);
    expect(String(await results[2]?.get())).toMatch(/^12,1/);
  });

  test('what JSON cannot hold fails the job before anything is sent', async () => {
    const circular: unknown[] = [];
    circular.push(circular);
    const odd = app.task('odd', () => circular);
    const result = await chain(odd.s(), tasks.show.s()).delay();
    await expect(result.get()).rejects.toMatchObject({ code: 'TASK_FAILED', message: /circular/ });
  });

  test('a part that expired fails its chord', async () => {
    const { add, sum } = tasks;
    const header = [add.s(1, 1), add.s(2, 2).set({ expires: new Date(Date.now() - 1_000) })];
    const result = await chord(header, sum.s()).delay();
    await expect(result.get()).rejects.toMatchObject({ code: 'TASK_FAILED', message: /TaskRevokedError/ });
  });
});

test('a canvas that is broken fails its job and nothing else', async () => {
  const app = createApp({ broker: 'memory:canvas-broken', log: () => {} });
  const tasks = define(app);
  const worker = app.worker();
  const ended = worker.run();
  const broker = await openBroker(parseAddress('memory:canvas-broken'), {}, {}, {});
  const broken = [
    5,
    'x',
    {},
    [],
    [5],
    { task: 5 },
    { task: 'a', subtask_type: 'chord', kwargs: {} },
    [{ task: '' }],
  ];
  const messages = broken.flatMap((embed) =>
    (['callbacks', 'errbacks', 'chain', 'chord'] as const).map((name) => {
      const id = `${name} ${JSON.stringify(embed)}`;
      return newMessage({ id, task: 'add', args: [1, 1], group: 'g', embed: { [name]: embed } });
    }),
  );
  await broker.publish('celery', messages);
  const states = async () => await Promise.all(messages.map(({ id }) => app.result(id).get().catch(String)));
  for (const state of await states())
    expect(String(state)).toMatch(/^2$|SIGNATURE_INVALID|A signature cannot be used/);
  expect(await (await tasks.add.delay(1, 1)).get()).toBe(2);
  await worker.stop();
  await ended;
  await broker.close();
  await app.close();
});

test('a job that is set aside fails its chord, its chain and its errbacks, with its own error', async () => {
  const app = createApp({ broker: 'memory:canvas-reject', log: () => {} });
  const { add, sum } = define(app);
  const heard: unknown[] = [];
  const refuse = app.task('refuse', (_context, _value?: number): number => {
    throw new Reject('no such track');
  });
  const hear = app.task('hear', (context) => void heard.push(context.parentId));
  const worker = app.worker();
  const ended = worker.run();
  const why = { code: 'TASK_FAILED', message: /no such track/ };
  const body = await chord([add.s(1, 1), refuse.s()], sum.s()).delay();
  await expect(body.get()).rejects.toMatchObject(why);
  const last = await chain(add.s(1, 1), refuse.s(), add.s(3)).delay();
  await expect(last.get()).rejects.toMatchObject(why);
  await refuse.s().linkError(hear.si()).delay();
  await until(() => heard.length === 1, 'the errback');
  const alone = await refuse.delay();
  await expect(alone.get({ timeoutMs: 200 })).rejects.toMatchObject({ code: 'RESULT_TIMEOUT' });
  await worker.stop();
  await ended;
  await app.close();
});

test('a worker without results says which chord will never hear of its part', async () => {
  const broker = 'memory:canvas-deaf';
  const sender = createApp({ broker, results: 'memory:canvas-deaf', log: () => {} });
  const logged: string[] = [];
  const deaf = createApp({ broker, results: false, log: (_level, text) => void logged.push(text) });
  const { add, sum } = define(sender);
  define(deaf);
  const worker = deaf.worker();
  const ended = worker.run();
  await chord([add.s(1, 1)], sum.s()).delay();
  await until(() => logged.some((text) => /the chord \S+ will never hear of \S+:/.test(text)), 'the warning');
  await worker.stop();
  await ended;
  await deaf.close();
  await sender.close();
});

describe('what is refused at the call', () => {
  test('a chord without a store of results; the rest goes', async () => {
    const app = createApp({ broker: 'memory:canvas-none', results: false, log: () => {} });
    const { add, sum } = define(app);
    const needs = { code: 'CHORD_NEEDS_RESULTS' };
    await expect(chord([add.s(1, 1)], sum.s()).delay()).rejects.toMatchObject(needs);
    await expect(chain(add.s(1, 1), group([add.s(1), add.s(2)]), sum.s()).delay()).resolves.toBeDefined();
    await expect(chain(group([add.s(1, 1), add.s(2, 2)]), sum.s()).delay()).rejects.toMatchObject(needs);
    await chain(add.s(1, 1), add.s(1)).delay();
    await group([add.s(1, 1), add.s(2, 2)]).delay();
    await app.close();
  });

  test('ignored results in the header of a chord', async () => {
    const app = createApp({ broker: 'memory:canvas-ignored', log: () => {} });
    const { sum, add } = define(app);
    const quiet = app.task('quiet', () => 1, { ignoreResult: true });
    const refusal = { code: 'OPTION_INVALID', message: /waits for the result of "quiet"/ };
    await expect(chord([quiet.s(), add.s(1, 1)], sum.s()).delay()).rejects.toMatchObject(refusal);
    await expect(chord([chain(add.s(1, 1), quiet.si())], sum.s()).delay()).rejects.toMatchObject(refusal);
    await chord([chain(quiet.s(), add.si(1, 1))], sum.s()).delay();
    await chord([quiet.s().set({ ignoreResult: false })], sum.s()).delay();
    const ignores = createApp({ broker: 'memory:canvas-ignored', ignoreResult: true, log: () => {} });
    await chord([ignores.signature<number>('add', [1, 1])], define(ignores).sum.s()).delay();
    await ignores.close();
    await app.close();
  });

  test('a link to a group, no signature at all, options that cannot be', async () => {
    const app = createApp({ broker: 'memory:canvas-refused', log: () => {} });
    const { add } = define(app);
    expect(() => group([add.s(1, 1)]).link(add.s(1) as never)).toThrow(/has no end/);
    expect(() => group([])).toThrow(/at least one/);
    expect(() => chain({ task: 'x' } as never)).toThrow(/not made by this package/);
    expect(() => add.s(1, 1).set({ priority: 12 })).toThrow(/priority is 12/);
    expect(() => add.chunks([[1, 1]], 0)).toThrow(/size of at least 1/);
    const circular: unknown[] = [];
    circular.push(circular);
    await expect(add.s(circular as never, 1).delay()).rejects.toMatchObject({ code: 'ARGUMENTS_INVALID' });
    await app.close();
  });
});

describe('pure', () => {
  const planning = (): Planning => {
    let count = 0;
    return {
      newId: () => `id${++count}`,
      replyTo: 'me',
      nowMs: 1_000_000,
      origin: 'test',
      chords: 'counted',
      isDefined: () => true,
      routeOf: () => ({ queue: 'q', priority: 0, ignoreResult: undefined, ignoreByDefault: false }),
    };
  };

  test('options of a call flow to the message', () => {
    const options = {
      countdown: 10,
      expires: 60,
      queue: 'other',
      priority: 6,
      time_limit: 9,
      soft_time_limit: 5,
      shadow: 'alias',
      headers: { mine: 1 },
      stamped_headers: ['tenant'],
      tenant: 'acme',
    };
    const { sent } = planned(planning(), newSig('t', [1]), { options });
    expect(sent).toMatchObject([
      {
        queue: 'other',
        message: {
          etaMs: 1_010_000,
          expiresMs: 1_060_000,
          priority: 6,
          timeLimit: { hardSeconds: 9, softSeconds: 5 },
          shadow: 'alias',
          replyTo: 'me',
          extraHeaders: { mine: 1, stamped_headers: ['tenant'], stamps: { tenant: 'acme' } },
        },
      },
    ]);
  });

  test('whatever is read is a signature or refused, and a canvas that is read can be planned or is refused', () => {
    const sig: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
      sig: fc.oneof(
        { maxDepth: 4 },
        fc.record({ task: fc.constantFrom('a', 'b'), args: fc.array(fc.integer(), { maxLength: 2 }) }),
        fc.record({
          task: fc.constant('celery.chain'),
          subtask_type: fc.constant('chain'),
          kwargs: tie('tasks'),
        }),
        fc.record({
          task: fc.constant('celery.group'),
          subtask_type: fc.constant('group'),
          kwargs: tie('tasks'),
        }),
        fc.record({
          task: fc.constant('celery.chord'),
          subtask_type: fc.constant('chord'),
          kwargs: tie('chord'),
        }),
      ),
      tasks: fc.record({ tasks: fc.array(tie('sig'), { maxLength: 4 }) }),
      chord: fc.record({ header: fc.array(tie('sig'), { maxLength: 4 }), body: tie('sig') }),
    })).sig;
    let planable = 0;
    fc.assert(
      fc.property(
        fc.oneof({ arbitrary: sig, weight: 5 }, { arbitrary: fc.anything(), weight: 1 }),
        (value) => {
          try {
            const read = readSig(value);
            const before = JSON.stringify(read);
            const { sent, result, sizes } = planned(planning(), read, { args: [1] });
            planable++;
            expect(JSON.stringify(read)).toBe(before);
            const ids = sent.map(({ message }) => message.id);
            expect(new Set(ids).size).toBe(ids.length);
            expect(frozenOf(JSON.parse(JSON.stringify(tupleOf(result))))).toEqual(
              JSON.parse(JSON.stringify(result)),
            );
            for (const { size } of sizes) expect(size).toBeGreaterThanOrEqual(0);
          } catch (error) {
            if (!(error instanceof TasksError)) throw error;
            expect(error.code).toBe('SIGNATURE_INVALID');
          }
        },
      ),
      { numRuns: 500 },
    );
    expect(planable).toBeGreaterThan(100);
  });

  test('one that is nested too deeply is refused', () => {
    let deep: unknown = { task: 'a' };
    for (let n = 0; n < 1_000; n++)
      deep = { task: 'celery.chain', subtask_type: 'chain', kwargs: { tasks: [deep] } };
    expect(() => readSig(deep)).toThrow(/too deeply/);
  });

  test('what counts for a chord', () => {
    const chained = (...tasks: Sig[]): Sig =>
      readSig({ task: 'c', subtask_type: 'chain', kwargs: { tasks } });
    const grouped = (...tasks: Sig[]): Sig =>
      readSig({ task: 'g', subtask_type: 'group', kwargs: { tasks } });
    const one = newSig('a');
    expect(kindOf(chained(one))).toBe('chain');
    expect(
      [one, chained(one, one), grouped(one, one), chained(one, grouped(one, one)), chained()].map(endsOf),
    ).toEqual([1, 1, 2, 2, 0]);
  });
});
