/** What the checkups said: the latest point of the workers' manager, the highest count, and the last decision that changed it. */
import type { CheckupEvent, Point } from '../../server/api.ts';

export interface Watch {
  /** The workers at the last checkup. */
  worker(): Point | undefined;
  peakWorkers(): number;
  /** In words, why the number last changed. */
  sentence(): string;
  /** Nothing waits or runs, and no worker exists: said by a checkup, never assumed. */
  isQuiet(): boolean;
}

export function createWatch(source: {
  onCheckup(listener: (event: CheckupEvent) => void): () => void;
}): Watch {
  let latest: Point | undefined;
  let peak = 0;
  let sentence = '';
  source.onCheckup(({ processType, point, decision }) => {
    if (processType !== 'worker') return;
    latest = point;
    peak = Math.max(peak, point.current);
    if (decision && decision.desired !== decision.current) sentence = decision.sentence;
  });
  return {
    worker: () => latest,
    peakWorkers: () => peak,
    sentence: () => sentence,
    isQuiet: () =>
      latest !== undefined &&
      latest.waiting === 0 &&
      (latest.running ?? 0) === 0 &&
      latest.current === 0 &&
      latest.desired === 0,
  };
}
