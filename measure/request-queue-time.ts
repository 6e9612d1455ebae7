/**
 * How long requests waited for a web process, as the app itself saw it: pushed by a HireFire library or our agent, or
 * written to its log (`[hirefire:router] queue=12ms`) and brought by a Heroku drain.
 *
 * Libraries 1.x send nothing while there is no traffic, so their silence could as well be death. The app's info endpoint
 * tells the two apart: when it answers, the app lives, and nobody has asked it anything else. Without an address silence
 * stays unknown.
 */
import type { Reading } from '../decide/words.ts';
import type { Silence } from './inbox/memory.ts';
import { fetchInfo } from './info.ts';
import { lookOrUnknown, unknown } from './look.ts';
import type { Meter, MeterKind, MeterSurroundings } from './meter.ts';

export const requestQueueTime: MeterKind = {
  use: 'request-queue-time',
  title: 'Request queue time',
  help: 'Reads how long requests waited before the app took them, from what the app or its log drain sends here.',
  options: [
    {
      name: 'name',
      label: 'Process type in the pushes',
      help: "Whose requests; without it the manager's process type. Libraries 1.x always push for web.",
      type: 'text',
      optional: true,
    },
    {
      name: 'windowSeconds',
      label: 'Window',
      help: 'How far back requests count. Shorter follows a burst sooner, longer judges from more requests.',
      type: 'number',
      unit: 's',
      minimum: 10,
      maximum: 110,
      default: 60,
    },
  ],
  create: (options, surroundings): Meter => {
    const { processType, inbox, now } = surroundings;
    const name = String(options.name ?? processType);
    const windowSeconds = Math.floor(Number(options.windowSeconds));
    const look = async (signal: AbortSignal): Promise<Reading[]> => {
      const found = inbox?.requests(name, 'queue-time', windowSeconds) ?? { seen: false };
      if (found.seen) {
        const perSecond = found.count / found.seconds;
        return [{ kind: 'requests', at: now(), perSecond, queueTimeMs: found.times }];
      }
      return [await readSilence(surroundings, name, found, signal)];
    };
    return {
      name: `request-queue-time ${name}`,
      read: (signal) => lookOrUnknown({ signal, now, look, explain: String }),
    };
  },
};

async function readSilence(
  { appUrl, appToken, poll = fetchInfo, now }: MeterSurroundings,
  name: string,
  { dialect, at = 0 }: Silence,
  signal: AbortSignal,
): Promise<Reading> {
  if (dialect === undefined)
    return unknown(now(), `no request queue times of "${name}" have been pushed yet`);
  const ago = `the last push came ${Math.round((now() - at) / 1_000)} s ago`;
  if (dialect !== 'hirefire-1')
    return unknown(now(), `too few request queue times of "${name}" have been pushed: ${ago}`);
  if (!appUrl)
    return unknown(now(), `${ago}: either nobody uses the app or it is down, and it has no address to ask`);
  const info = await poll(appUrl, appToken, signal);
  return info.ok
    ? { kind: 'requests', at: now(), perSecond: 0, queueTimeMs: [] }
    : unknown(now(), `${ago}, and ${info.url}: ${info.problem}`);
}
