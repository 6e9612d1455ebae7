/**
 * The stage of the suite for what is said to workers (measure/workers-contract.ts): one worker of one language, at a broker and
 * with a meter that the caller names.
 */
import { join } from 'node:path';
import { createApp } from '@headcount/tasks';
import type { Options } from '../decide/options.ts';
import type { MeterKind } from '../measure/meter.ts';
import type { WorkersScene } from '../measure/workers-contract.ts';
import { temporaryFolder } from './fixtures.ts';
import { type Language, openShop, type Worker } from './shop.ts';

export interface StageOfWorkers {
  /** An address as createApp takes it. */
  readonly broker: string;
  readonly kind: MeterKind;
  /** Over the defaults of its kind. */
  readonly options: Options;
  readonly language: Language;
  stopService(): Promise<void>;
  /** After all else has ended. */
  stop?(): Promise<void>;
}

export async function openWorkersScene(stage: StageOfWorkers): Promise<WorkersScene> {
  const { broker, kind, options, language } = stage;
  const folder = temporaryFolder('workers');
  const shop = openShop(join(folder.path, 'shop'), broker, { late: true });
  const app = createApp({ broker, ignoreResult: true, log: () => {} });
  const work = app.task<[string], void>('shop.work', async () => {});
  // The first publisher makes the file of a broker that is one.
  if (broker.startsWith('sqlite:')) await app.send('shop.nothing', [], { queue: 'elsewhere' });
  const defaults = Object.fromEntries(kind.options.map((option) => [option.name, option.default ?? '']));
  const meter = await kind.create(
    { ...defaults, ...options },
    { appToken: 'token', processType: 'worker', now: Date.now },
  );
  const { workers } = meter;
  if (!workers) throw new Error('the meter reaches no workers');
  let worker: Worker | undefined;
  return {
    workers,
    send: async (job) => void (await work.delay(job)),
    end: shop.end,
    began: shop.began,
    startWorker: async () => {
      worker = shop.start(language, 'worker.1');
    },
    freezeWorker: () => void worker?.child.kill('SIGSTOP'),
    killWorker: async () => await worker?.kill(),
    stopService: stage.stopService,
    stop: async () => {
      await worker?.kill();
      await meter.close?.();
      await app.close();
      await stage.stop?.();
      folder.remove();
    },
  };
}
