/**
 * Looks whether Heroku's own autoscaling is on for `web`: two that change one number would fight for ever.
 *
 * It stands at api.metrics.heroku.com and is not documented; this is what Heroku's command line asks for. So an answer
 * that is not understood means nothing. Only performance, private and shield dynos can have it.
 */
import type { Api } from './api.ts';
import type { Row } from './formation.ts';

export interface AutoscaleWatch {
  /** Looks in the background, at most once in ten minutes. */
  look(rows: readonly Row[], now: number): void;
  isOn(): boolean;
  close(): void;
}

const pauseMs = 10 * 60_000;

/** Without `api` nobody looks. */
export function watchAutoscale(api: Api | undefined, changed: (isOn: boolean) => void): AutoscaleWatch {
  const ending = new AbortController();
  let isOn = false;
  let next = 0;
  const ask = async (metrics: Api, appId: string): Promise<void> => {
    const path = `/apps/${encodeURIComponent(appId)}/formation/web/monitors`;
    const found = (await metrics.list(path, ending.signal)).some(isActive);
    if (found !== isOn) changed(found);
    isOn = found;
  };
  return {
    look(rows, now) {
      const web = rows.find(({ type }) => type === 'web');
      if (!api || !web || !/^(performance|private|shield)/i.test(web.size) || now < next) return;
      next = now + pauseMs;
      ask(api, web.appId).catch(() => {});
    },
    isOn: () => isOn,
    close: () => ending.abort(),
  };
}

function isActive(monitor: unknown): boolean {
  const { action_type, is_active } = (monitor ?? {}) as { action_type?: unknown; is_active?: unknown };
  return action_type === 'scale' && is_active === true;
}
