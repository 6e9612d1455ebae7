/**
 * The suite that every `Workers` passes, against a real broker and a real worker. The test library comes as an argument, so that
 * none reaches a user.
 *
 * An adapter brings up a service with one worker of one slot, whose jobs begin and end when the suite says so. The suite
 * then plays what the controller does: it asks, tells it to rest, looks until it is idle, takes it back; and what goes
 * wrong: nobody of that name, a worker that answers nothing, nobody at all, a service that is down. The rule behind all of
 * it: a worker of which nothing is known is never idle.
 */
import type { ExpectStatic, TestAPI } from 'vitest';
import { type Census, type NodeSeen, processOf, type Workers } from './workers.ts';

export interface WorkersScene {
  readonly workers: Workers;
  /** Sends a job and resolves when the broker has it. It runs until `end`. */
  send(job: string): Promise<void>;
  end(job: string): void;
  /** Jobs that have begun so far, sorted. */
  began(): readonly string[];
  /** Starts a worker of one slot for the process `worker.1`; it takes one job into its hands at a time. */
  startWorker(): Promise<void>;
  /** The worker lives and does nothing any more, as if it were stuck. */
  freezeWorker(): void;
  killWorker(): Promise<void>;
  stopService(): Promise<void>;
  /** Ends whatever is left. */
  stop(): Promise<void>;
}

export type NotHere = { readonly skip: string };

export interface WorkersSituations {
  /** `celery-redis, Python` */
  readonly name: string;
  scene(): Promise<WorkersScene>;
  /** Why a worker that is stuck cannot be told from one that works. Absent: it can. */
  readonly stuck?: NotHere;
  /** Why there is no service that could be down. Absent: there is one. */
  readonly down?: NotHere;
}

export interface WorkersTools {
  readonly test: TestAPI;
  readonly expect: ExpectStatic;
  /** Polls; rejects when it does not come in time. */
  until(condition: () => Promise<boolean>, what: string, limitMs: number): Promise<void>;
}

const limitMs = 240_000;
const comesMs = 60_000;
const process = 'worker.1';
const stranger = { node: 'worker.99@nowhere', queues: ['celery'] };

export function workersContract(tools: WorkersTools, situations: WorkersSituations): void {
  const { test } = tools;
  const { name, scene, stuck, down } = situations;
  const play = (what: string, part: (stage: Stage) => Promise<void>): void => {
    test(
      `${name}: ${what}`,
      async () => {
        const opened = await scene();
        try {
          await part(stageOf(tools, opened));
        } finally {
          await opened.stop();
        }
      },
      limitMs,
    );
  };
  play('told to rest it ends what it has, takes nothing, and takes jobs again', restAndReturn);
  play('what is said to somebody who is not there changes nobody', speakToStrangers);
  if (stuck) test.skip(`${name}: a worker that is stuck: ${stuck.skip}`, () => undefined);
  else play('a worker that is stuck is silent, not idle and not gone', beSilent);
  if (down) test.skip(`${name}: a service that is down: ${down.skip}`, () => undefined);
  else play('when the service is down, nothing is known and nothing is said', loseTheService);
  play('says nothing for somebody who gave up', giveUp);
}

interface Stage extends Pick<WorkersTools, 'expect' | 'until'>, WorkersScene {
  /** Asks until it is so. */
  sees(condition: Condition, what: string): Promise<NodeSeen | undefined>;
  /** Starts the worker and waits for it. */
  hired(): Promise<NodeSeen>;
}

type Condition = (worker: NodeSeen | undefined, census: Census) => boolean;

function stageOf({ expect, until }: WorkersTools, scene: WorkersScene): Stage {
  const sees: Stage['sees'] = async (condition, what) => {
    let last: Census | undefined;
    let found: NodeSeen | undefined;
    const look = async (): Promise<boolean> => {
      last = await scene.workers.ask(patience());
      found = last.nodes.find(({ node }) => processOf(node) === process);
      return condition(found, last);
    };
    await until(look, what, comesMs).catch((problem: unknown) =>
      expect.unreachable(`${String(problem)}; last seen: ${JSON.stringify(last)}`),
    );
    return found;
  };
  const hired = async (): Promise<NodeSeen> => {
    await scene.startWorker();
    const worker = await sees((one) => one !== undefined, 'the worker');
    return worker ?? expect.unreachable('no worker');
  };
  return { ...scene, expect, until, sees, hired };
}

async function restAndReturn({
  workers,
  send,
  end,
  began,
  sees,
  hired,
  expect,
  until,
}: Stage): Promise<void> {
  const worker = await hired();
  expect(worker).toMatchObject({ quiet: false, jobs: 0 });
  expect(worker.queues).toContain(workers.queue);
  await send('a');
  await sees((one) => one?.jobs === 1 && !one.quiet, 'one job in its hands');
  await until(async () => began().length === 1, 'it to begin', comesMs);
  for (const time of ['first', 'second']) {
    await workers.quiet([worker], patience());
    await sees((one) => one?.quiet === true && one.jobs === 1, `it to rest and to work, ${time} time`);
  }
  await send('b');
  end('a');
  await sees((one) => one?.quiet === true && one.jobs === 0, 'it to be idle');
  expect(began()).toEqual(['a']);
  for (const time of ['first', 'second']) {
    await workers.resume([worker], patience());
    await sees((one) => one?.quiet === false && one.jobs === 1, `it to work again, ${time} time`);
  }
  await until(async () => began().length === 2, 'the next to begin', comesMs);
  const again = await sees((one) => one !== undefined, 'it');
  expect(again?.queues).toEqual(worker.queues);
  end('b');
  await sees((one) => one?.jobs === 0, 'all to end');
}

async function speakToStrangers({ workers, killWorker, sees, hired, expect }: Stage): Promise<void> {
  expect(await workers.ask(patience())).toEqual({ nodes: [], silentCount: 0 });
  await workers.quiet([stranger], patience());
  const worker = await hired();
  await workers.quiet([stranger], patience());
  await workers.resume([stranger], patience());
  await workers.quiet([], patience());
  expect(await workers.ask(patience())).toEqual({ nodes: [worker], silentCount: 0 });
  await killWorker();
  await sees((one, { silentCount }) => one === undefined && silentCount === 0, 'it to be gone');
}

async function beSilent({ workers, freezeWorker, hired, expect }: Stage): Promise<void> {
  await hired();
  freezeWorker();
  for (const look of ['first', 'second'])
    expect(await workers.ask(patience()), look).toEqual({ nodes: [], silentCount: 1 });
}

async function loseTheService({ workers, stopService, hired, expect }: Stage): Promise<void> {
  const worker = await hired();
  await stopService();
  const calls = {
    ask: () => workers.ask(patience()),
    quiet: () => workers.quiet([worker], patience()),
    resume: () => workers.resume([worker], patience()),
  };
  for (const [call, make] of Object.entries(calls)) await expect(make(), call).rejects.toThrow();
}

async function giveUp({ workers, sees, hired, expect }: Stage): Promise<void> {
  const worker = await hired();
  const enough = AbortSignal.abort(new DOMException('enough', 'AbortError'));
  await expect(workers.ask(enough)).rejects.toThrow('enough');
  await expect(workers.resume([worker], enough)).rejects.toThrow('enough');
  await expect(workers.quiet([worker], enough)).rejects.toThrow('enough');
  expect(await sees((one) => one !== undefined, 'it')).toMatchObject({ quiet: false });
}

function patience(): AbortSignal {
  return AbortSignal.timeout(comesMs);
}
