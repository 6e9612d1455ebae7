/** For a manager that scales on how long the oldest job waits: HireFire's Job Latency, `queue-latency` here. */
import type { AgentMeter } from '../gauge.ts';
import { type AnyMeter, countOf } from '../reading.ts';

/** Seconds that the oldest waiting job of the meter's queues has waited. */
export function oldestWait(meter: AnyMeter): AgentMeter {
  return async (signal) => {
    const { oldestSeconds } = countOf(await meter.read(signal));
    if (oldestSeconds === undefined) throw new TypeError('it is not known how long the oldest job waits');
    return oldestSeconds;
  };
}
