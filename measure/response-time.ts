/**
 * How long the app takes to answer, from the lines of Heroku's router that a log drain brings (`service=`, `connect=`), or
 * pushed by our agent. Every request counts for the rate, also one that no process answered; only answered ones have a time.
 * Those that got an error of the server are told apart, because a quick error satisfies nobody.
 */
import { without } from '../decide/histogram.ts';
import type { Reading, RequestsReading } from '../decide/words.ts';
import type { AppInbox, Requests } from './inbox/memory.ts';
import { lookOrUnknown, unknown } from './look.ts';
import type { Meter, MeterKind } from './meter.ts';

export const responseTime: MeterKind = {
  use: 'response-time',
  title: 'Response time',
  help: "Reads how long the app took to answer, from its log drain at Heroku's router or from our agent.",
  options: [
    {
      name: 'name',
      label: 'Process type',
      help: "Whose requests; without it the manager's process type.",
      type: 'text',
      optional: true,
    },
    {
      name: 'measure',
      label: 'What is timed',
      help: 'service: from the connection to the last byte of the answer. connect: until the process took the connection.',
      type: 'text',
      choices: ['service', 'connect'],
      default: 'service',
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
  create: (options, { processType, inbox, now }): Meter => {
    const name = String(options.name ?? processType);
    const windowSeconds = Math.floor(Number(options.windowSeconds));
    const look = async (): Promise<Reading[]> => {
      const all = inbox?.requests(name, 'service-time', windowSeconds) ?? { seen: false };
      if (!all.seen) {
        const ago =
          all.at === undefined ? '' : `: the last push came ${Math.round((now() - all.at) / 1_000)} s ago`;
        return [unknown(now(), `no response times of "${name}" have been brought lately${ago}`)];
      }
      const connect = options.measure === 'connect' && inbox?.requests(name, 'connect-time', windowSeconds);
      const times = connect ? (connect.seen ? connect.times : []) : all.times;
      const well = connect ? {} : answeredWell(inbox, name, all, windowSeconds);
      const perSecond = all.count / all.seconds;
      return [{ kind: 'requests', at: now(), perSecond, responseTimeMs: times, ...well }];
    };
    return {
      name: `response-time ${name}`,
      read: (signal) => lookOrUnknown({ signal, now, look, explain: String }),
    };
  },
};

/** Nothing where whoever brought the times said of no request how it was answered. */
function answeredWell(
  inbox: AppInbox | undefined,
  name: string,
  { dialect, times }: Requests,
  windowSeconds: number,
): Pick<RequestsReading, 'answeredWellMs' | 'failedCount'> {
  const failed = inbox?.requests(name, 'failed', windowSeconds);
  if (!failed?.seen || failed.dialect !== dialect) return {};
  return { answeredWellMs: without(times, failed.times), failedCount: failed.count };
}
