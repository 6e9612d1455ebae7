/** Is the app heard? What its endpoint answers, and what it pushes, in words that say what to do. */
import type { Inbox, InfoTest } from '../../server/api.ts';
import type { Measure } from '../../server/setup-guide.ts';
import { call, type Target } from '../call.ts';

export interface Heard {
  readonly ok: boolean;
  readonly text: string;
}

export async function connectionOf(
  target: Target,
  app: string,
  processType: string,
  measure: Measure,
): Promise<Heard> {
  const inbox = await call<Inbox>(target, 'GET', `/api/apps/${app}/inbox`);
  const pushed = pushedBy(inbox, processType, measure);
  if (pushed) return { ok: true, text: pushed };
  if (measure === 'requests')
    return {
      ok: false,
      text:
        inbox.heard.length > 0
          ? 'the app pushes, and no request has come yet'
          : 'the app has not pushed anything yet',
    };
  return answered(await call<InfoTest>(target, 'POST', `/api/apps/${app}/test`), processType);
}

function pushedBy(inbox: Inbox, processType: string, measure: Measure): string | undefined {
  const [agent] = inbox.heard;
  const found = inbox.processTypes.find(({ name }) => name.toLowerCase() === processType.toLowerCase());
  if (!agent || !found) return undefined;
  const value = { jobs: found.jobs, latency: found.latencySeconds, requests: found.perSecond }[measure];
  const unit = { jobs: 'jobs', latency: 's', requests: 'requests/s' }[measure];
  return value === undefined
    ? undefined
    : `${agent.agent ?? agent.dialect} pushes: ${processType} ${Math.round(value * 100) / 100} ${unit}`;
}

function answered({ ok, url, entries, problem, milliseconds }: InfoTest, processType: string): Heard {
  if (!ok) return { ok: false, text: url ? `${url}: ${problem ?? 'no answer'}` : (problem ?? 'no answer') };
  const entry = entries.find(({ name }) => name.toLowerCase() === processType.toLowerCase());
  if (entry && entry.value !== null)
    return { ok: true, text: `${url} answers in ${milliseconds} ms: ${processType} ${entry.value}` };
  if (entry)
    return { ok: false, text: `${url} answers, and the app cannot tell the value of ${processType}` };
  const names = entries.map(({ name }) => name).join(', ') || 'nothing';
  return { ok: false, text: `${url} answers, but not for ${processType}: it names ${names}` };
}
