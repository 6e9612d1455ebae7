/**
 * The suite that every broker passes, on the real server. The test library comes as an argument, so that none reaches a
 * user. A harness says where an empty broker is, and how to look at it and to harm it from outside.
 */
import type { ExpectStatic, TestAPI } from 'vitest';
import { printed, spawnProgram } from '../../checks/program.ts';
import { until } from '../../checks/servers.ts';
import type { Broker, ConsumeOptions, Consumer, Delivery, Depth } from '../broker.ts';
import { newMessage, type TaskMessage } from '../message.ts';

export interface BrokerHarness {
  /** A connection to an empty broker. Each call of one test opens the same one. */
  open(): Promise<Broker>;
  /** Puts a text into a queue as a stranger would. */
  pushRaw(queue: string, text: string): Promise<void>;
  /** Errors of the messages that were set aside. */
  aside(): Promise<string[]>;
  /** A program's text that takes 3 messages of queue "q", prints "taken" and waits; run in another process. Absent: there is none. */
  taker?(): string;
  /** Four priorities, soonest first, where it is not 0, 3, 6, 9; all equal where the broker has none. */
  readonly priorities?: readonly number[];
  /** True: the broker cannot know what is lent out or due later, so its depth must not say it. */
  readonly countsWaitingOnly?: boolean;
  /** True: the broker says that it has it before others can see it. */
  readonly putBackIsLate?: boolean;
  /** True: messages are pushed to a consumer one by one, so a take answers with those that have come. */
  readonly trickles?: boolean;
  /** A folder that lives as long as the test. */
  readonly folder: string;
  stop(): Promise<void>;
}

export interface BrokerTools {
  readonly test: TestAPI;
  readonly expect: ExpectStatic;
}

const patience = AbortSignal.timeout(600_000);

export function brokerContract(
  { test, expect }: BrokerTools,
  name: string,
  start: () => Promise<BrokerHarness>,
  /** Absent: it is always there. */
  unreachable?: () => Promise<Broker>,
): void {
  const on = (what: string, body: (place: Place) => Promise<void>): void =>
    test(`${name}: ${what}`, () => withPlace({ expect }, start, body));

  on('messages come in order, once, and are gone when done', async ({ broker, consume, depth, harness }) => {
    const sent = messages(5);
    await broker.publish('q', sent);
    const consumer = await consume();
    const taken = await takeCount(harness, consumer, 5, 10);
    expect(taken.map(idOf)).toEqual(sent.map(({ id }) => id));
    expect(taken.map(({ redelivered }) => redelivered)).toEqual([false, false, false, false, false]);
    expect(taken.map((one) => one.message)).toEqual(sent.map((value) => ({ ok: true, value })));
    await Promise.all(taken.map((one) => consumer.settle(one, { kind: 'done' })));
    await depth({ waiting: 0, running: 0, later: 0 });
    expect(await consumer.take(1, patience)).toEqual([]);
  });

  on(
    'a take has at most its limit, and waits for the first message',
    async ({ broker, consume, harness }) => {
      const consumer = await consume();
      const waiting = consumer.take(2, patience);
      await broker.publish('q', messages(3));
      const first = await waiting;
      expect(harness.trickles ? [1, 2] : [2]).toContain(first.length);
      const left = 3 - first.length;
      expect(await takeCount(harness, consumer, left, 2)).toHaveLength(left);
    },
  );

  on('an aborted take ends at once and takes nothing', async ({ broker, consume }) => {
    const consumer = await consume();
    const abort = new AbortController();
    const waiting = consumer.take(1, abort.signal);
    abort.abort();
    expect(await waiting).toEqual([]);
    await broker.publish('q', messages(1));
    expect(await consumer.take(1, abort.signal)).toEqual([]);
    expect(await consumer.take(1, patience)).toHaveLength(1);
  });

  on('a sooner priority comes first', async ({ broker, consume, harness }) => {
    const soonestFirst = harness.priorities ?? [0, 3, 6, 9];
    const sent = messages(4).map((one, i) => ({ ...one, priority: soonestFirst[i]! }));
    const equal = new Set(soonestFirst).size === 1;
    const mixed = [3, 0, 2, 1].map((i) => sent[i]!);
    await broker.publish('q', equal ? sent : mixed);
    const taken = await takeCount(harness, await consume(), 4);
    expect(taken.map(idOf)).toEqual(sent.map(({ id }) => id));
  });

  on('a message due later lets others pass, and comes when it is due', async ({ broker, consume, depth }) => {
    const [late, now] = messages(2);
    const dueMs = Date.now() + 1_500;
    await broker.publish('q', [{ ...late!, etaMs: dueMs }, now!]);
    const consumer = await consume();
    const first = await consumer.take(10, patience);
    expect(first.map(idOf)).toEqual([now!.id]);
    await consumer.settle(first[0]!, { kind: 'done' });
    await depth({ waiting: 0, later: 1 });
    const [second] = await takeOne(consumer);
    expect(idOf(second!)).toBe(late!.id);
    expect(second!.redelivered).toBe(false);
    expect(Date.now()).toBeGreaterThanOrEqual(dueMs);
    await consumer.settle(second!, { kind: 'done' });
    await depth({ waiting: 0, running: 0, later: 0 });
  });

  on('those behind many that are due later come in their order, as if nobody had looked', async (place) => {
    const [later, now] = [messages(20), messages(10)];
    const etaMs = Date.now() + 600_000;
    await place.broker.publish('q', [...later.map((one) => ({ ...one, etaMs })), ...now]);
    const consumer = await place.consume();
    const seen: Delivery[] = [];
    while (seen.length < now.length) {
      const some = await consumer.take(2, patience);
      for (const one of some) await consumer.settle(one, { kind: 'done' });
      seen.push(...some);
    }
    expect(seen.map((one) => [idOf(one), one.redelivered])).toEqual(now.map(({ id }) => [id, false]));
    await place.depth({ waiting: 0, running: 0, later: 20 });
  });

  on('what is put back comes next, to anyone', async ({ broker, consume, harness }) => {
    await broker.publish('q', messages(3));
    const consumer = await consume();
    const [first] = await consumer.take(1, patience);
    await consumer.settle(first!, { kind: 'putBack', started: true });
    const other = await consume();
    const again = await other.take(3, patience);
    if (!harness.putBackIsLate) expect(again.map(idOf)[0]).toBe(idOf(first!));
    while (again.length < 3) again.push(...(await other.take(3, patience)));
    expect(again.filter(({ redelivered }) => redelivered).map(idOf)).toEqual([idOf(first!)]);
  });

  on(
    'a replaced message is gone, and the new one comes when it is due',
    async ({ broker, consume, depth }) => {
      const [sent] = messages(1);
      await broker.publish('q', [sent!]);
      const consumer = await consume();
      const [first] = await consumer.take(1, patience);
      const next = { ...sent!, retries: 1, etaMs: Date.now() + 300 };
      await consumer.settle(first!, { kind: 'replace', message: next });
      const [second] = await takeOne(consumer);
      expect(second!.message).toEqual({ ok: true, value: next });
      await consumer.settle(second!, { kind: 'done' });
      await depth({ waiting: 0, running: 0, later: 0 });
    },
  );

  on('a purge throws away what waits, and leaves what is lent', async ({ broker, consume, harness }) => {
    if (!broker.purge) return;
    expect(await broker.purge('q')).toBe(0);
    const [lent, ...more] = messages(4);
    await broker.publish('q', lent ? [lent] : []);
    const consumer = await consume();
    const taken = await takeCount(harness, consumer, 1, 1);
    await broker.publish('p', more);
    await until(async () => (await broker.depth?.('p'))?.waiting === 3, 'three messages');
    expect(await broker.purge('p')).toBe(3);
    expect(await broker.depth?.('p')).toMatchObject({ waiting: 0 });
    for (const one of taken) await consumer.settle(one, { kind: 'putBack', started: false });
    await until(async () => (await broker.depth?.('q'))?.waiting === 1, 'the one that was lent');
  });

  on('a settled delivery cannot be settled twice', async ({ broker, consume, depth }) => {
    await broker.publish('q', messages(1));
    const consumer = await consume();
    const [first] = await consumer.take(1, patience);
    await consumer.settle(first!, { kind: 'done' });
    await consumer.settle(first!, { kind: 'putBack', started: true });
    await depth({ waiting: 0, running: 0 });
  });

  on('several consumers share a queue, nothing is taken twice', async ({ broker, consume, depth }) => {
    const sent = messages(600);
    await broker.publish('q', sent);
    const consumers = await Promise.all([consume(), consume(), consume()]);
    const seen = await Promise.all(consumers.map((one) => drain(one, 7)));
    expect(seen.flat().sort()).toEqual(sent.map(({ id }) => id).sort());
    await depth({ waiting: 0, running: 0, later: 0 });
  });

  on('every queue of a consumer gets its turn', async ({ broker, consume, harness }) => {
    await broker.publish('q', messages(20));
    await broker.publish('r', messages(20));
    const consumer = await consume({ queues: ['q', 'r'] });
    const taken = [...(await takeCount(harness, consumer, 10)), ...(await takeCount(harness, consumer, 10))];
    expect(new Set(taken.map(({ queue }) => queue))).toEqual(new Set(['q', 'r']));
  });

  on('broken messages reach nobody twice, and those behind them come', async (place) => {
    const { broker, consume, depth, harness, notes } = place;
    const broken = [
      '',
      'x',
      '{',
      'null',
      '5',
      '[]',
      '{}',
      '{"body":1}',
      '{"headers":{"task":"t"}}',
      '\u0000\uffff',
    ];
    for (const text of broken) await harness.pushRaw('q', text);
    const [good] = messages(1);
    await broker.publish('q', [good!]);
    const consumer = await consume();
    const taken: Delivery[] = [];
    while (!taken.some(({ message }) => message.ok)) taken.push(...(await consumer.take(3, patience)));
    const bad = taken.filter(({ message }) => !message.ok);
    for (const one of bad) await consumer.settle(one, { kind: 'setAside', error: 'a reason' });
    // What a broker cannot even lend it sets aside itself, and says so.
    expect(bad.length + notes.length).toBe(broken.length);
    expect(await harness.aside()).toHaveLength(broken.length);
    expect(await harness.aside()).toContain('a reason');
    await depth({ waiting: 0 });
  });

  on('a consumer that closes puts back what it held', async ({ broker, consume, depth, harness }) => {
    await broker.publish('q', messages(3));
    const consumer = await consume();
    await takeCount(harness, consumer, 2);
    await consumer.close();
    if (harness.putBackIsLate)
      await until(async () => (await broker.depth?.('q'))?.waiting === 3, 'what it held to be back');
    await depth({ waiting: 3, running: 0 });
    expect(await takeCount(harness, await consume(), 3, 9)).toHaveLength(3);
  });

  on('what a killed process held comes back in seconds', async ({ broker, consume, harness }) => {
    if (!harness.taker) return;
    const sent = messages(5);
    await broker.publish('q', sent);
    const child = spawnProgram(harness.folder, harness.taker());
    await printed(child, 'taken');
    const consumer = await consume();
    const rest = await drain(consumer, 5, 2);
    expect(rest).toHaveLength(2);
    child.kill('SIGKILL');
    expect((await drain(consumer, 5, 3)).concat(rest).sort()).toEqual(sent.map(({ id }) => id).sort());
  });

  if (!unreachable) return;
  test(`${name}: a broker that cannot be reached rejects, soon and with what to do`, async () => {
    const failure = await unreachable()
      .then((broker) => broker.publish('q', messages(1)).finally(() => broker.close()))
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'BROKER_UNREACHABLE' });
  });
}

interface Place {
  readonly harness: BrokerHarness;
  readonly broker: Broker;
  /** What consumers noted. */
  readonly notes: string[];
  consume(options?: Partial<ConsumeOptions>): Promise<Consumer>;
  /** Expects these counts of queue "q", of those that the broker can know. */
  depth(expected: Depth): Promise<void>;
}

async function withPlace(
  { expect }: Pick<BrokerTools, 'expect'>,
  start: () => Promise<BrokerHarness>,
  body: (place: Place) => Promise<void>,
): Promise<void> {
  const harness = await start();
  const broker = await harness.open();
  const consumers: Consumer[] = [];
  const notes: string[] = [];
  const consume = async (options: Partial<ConsumeOptions> = {}): Promise<Consumer> => {
    const consumer = await broker.consume({
      queues: ['q'],
      name: 'test',
      slots: 1,
      load: () => [],
      note: (text) => notes.push(text),
      ...options,
    });
    consumers.push(consumer);
    return consumer;
  };
  try {
    const depth = async (expected: Depth): Promise<void> => {
      const found = await broker.depth?.('q');
      if (harness.countsWaitingOnly) expect(found).toEqual({ waiting: expected.waiting });
      else expect(found).toMatchObject({ ...expected });
    };
    await body({ harness, broker, notes, consume, depth });
  } finally {
    for (const consumer of consumers) await consumer.close().catch(() => {});
    await broker.close();
    await harness.stop();
  }
}

let counter = 0;

export function messages(count: number): TaskMessage[] {
  return Array.from({ length: count }, () => {
    const id = `id-${++counter}`;
    return newMessage({ id, task: 'task', args: [counter], publishedAtMs: Date.now(), ignoreResult: false });
  });
}

function idOf({ message }: Delivery): string {
  return message.ok ? message.value.id : '';
}

/** One take; where messages trickle in, as many takes as it needs until there are so many. */
async function takeCount(
  { trickles }: BrokerHarness,
  consumer: Consumer,
  count: number,
  limit = count,
): Promise<Delivery[]> {
  const taken = await consumer.take(limit, patience);
  while (trickles && taken.length < count)
    taken.push(...(await consumer.take(limit - taken.length, patience)));
  return taken;
}

/** Takes until there is one; each take ends by itself after about a second. */
async function takeOne(consumer: Consumer): Promise<Delivery[]> {
  while (true) {
    const taken = await consumer.take(1, patience);
    if (taken.length > 0) return taken;
  }
}

/** Takes and finishes until `count` are done, or until nothing comes any more. */
async function drain(consumer: Consumer, limit: number, count?: number): Promise<string[]> {
  const ids: string[] = [];
  while (count === undefined || ids.length < count) {
    const taken = await consumer.take(limit, patience);
    if (taken.length === 0 && count === undefined) return ids;
    ids.push(...taken.map(idOf));
    for (const one of taken) void consumer.settle(one, { kind: 'done' });
  }
  await consumer.take(0, AbortSignal.timeout(100));
  return ids;
}
