/** What other systems hear of this controller without asking its API: Prometheus, KEDA and a collector of OpenTelemetry, from what checkups tell. */
import type { Logger } from 'pino';
import type { CheckupEvent } from './api.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import { openKeda } from './keda.ts';
import { createMetrics } from './metrics.ts';
import { otlpFrom, startOtlp } from './otlp.ts';
import type { Deps } from './request.ts';
import type { Rounds } from './rounds.ts';

export interface OutwardSurroundings {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
  readonly rounds: Rounds;
  /** Who hears of each checkup. */
  readonly listeners: Set<(event: CheckupEvent) => void>;
}

/** Answers what /metrics is to show. What has to be ended goes to `undo`. */
export async function openOutward(
  { config, clock, log, rounds, listeners }: OutwardSurroundings,
  undo: (() => Promise<unknown>)[],
): Promise<NonNullable<Deps['metrics']>> {
  const { metricsToken: token, metricsOpen: open } = config;
  const intervalMs = config.intervalSeconds * 1000;
  const { manager, holds, prices } = rounds;
  const source = createMetrics({ clock, intervalMs, manager, holds, prices });
  listeners.add(source.heard);
  if (config.keda) {
    const keda = await openKeda({ ...config.keda, clock, log, intervalMs, manager, listeners });
    undo.push(() => keda.close());
  }
  const otlp = otlpFrom(process.env, log);
  if (otlp) {
    const exporter = startOtlp({ ...otlp, clock, log, values: source.values });
    undo.push(() => exporter.close());
  }
  return { source, ...(token !== undefined && { token }), ...(open && { open }) };
}
