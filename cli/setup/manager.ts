/** The manager that a measure asks for: its meter, its rule and its bounds. */
import type { ManagerSettings } from '../../server/api.ts';
import { nearest } from '../../server/errors.ts';
import type { Measure } from '../../server/setup-guide.ts';
import type { Desk } from '../setup.ts';

/** Paused: nothing is scaled before the last step. */
export async function managerFor(
  desk: Desk,
  processType: string,
  measure: Measure,
): Promise<ManagerSettings> {
  const { answer, options } = desk;
  const goalSeconds =
    measure === 'requests'
      ? 0
      : Number(
          await answer(options.goal === undefined ? undefined : String(options.goal), {
            ask: 'Jobs start within so many seconds',
            preset: '30',
            flag: '--goal SECONDS',
            problem: (text) =>
              Number(text) >= 1 && Number(text) <= 604_800 ? undefined : 'Give seconds from 1 to 604800.',
          }),
        );
  const counted = async (
    given: number | undefined,
    ask: string,
    preset: string,
    flag: string,
    least: number,
  ) =>
    Number(
      await answer(given === undefined ? undefined : String(given), {
        ask,
        preset,
        flag,
        problem: (text) =>
          /^\d{1,5}$/.test(text) && Number(text) >= least && Number(text) <= 10_000
            ? undefined
            : `Give a whole number from ${least} to 10000.`,
      }),
    );
  const fewest = measure === 'requests' ? '1' : '0';
  const minimum = await counted(options.minimum, 'The fewest processes', fewest, '--minimum COUNT', 0);
  const most = String(Math.max(10, minimum));
  const maximum = await counted(options.maximum, 'The most processes', most, '--maximum COUNT', minimum);
  return { processType, minimum, maximum, paused: true, ...measured(measure, goalSeconds) };
}

function measured(
  measure: Measure,
  goalSeconds: number,
): Pick<ManagerSettings, 'meters' | 'rules' | 'limits'> {
  switch (measure) {
    case 'jobs':
      return {
        meters: [{ use: 'http-info', options: {} }],
        rules: [{ use: 'wait-goal', options: { goalSeconds } }],
      };
    case 'latency':
      return {
        meters: [{ use: 'http-info', options: { means: 'seconds' } }],
        rules: [
          { use: 'queue-latency', options: { minimumSeconds: goalSeconds / 3, maximumSeconds: goalSeconds } },
        ],
        limits: [{ use: 'cooldown', options: { upSeconds: 60, downSeconds: 60 } }],
      };
    case 'requests':
      return {
        meters: [{ use: 'request-queue-time', options: {} }],
        rules: [{ use: 'queue-time', options: { downAfterSeconds: 300 } }],
        limits: [{ use: 'cooldown', options: { upSeconds: 60, downSeconds: 300 } }],
      };
  }
}

/** What is wrong with a word that must be one of those; nothing is when there are none to compare with. */
export function choose(what: string, text: string, known: readonly string[]): string | undefined {
  if (known.includes(text)) return undefined;
  if (known.length === 0)
    return /^[a-zA-Z][a-zA-Z0-9_-]{0,62}$/.test(text) ? undefined : `"${text}" cannot be a ${what}.`;
  const near = nearest(text, known);
  return `There is no ${what} "${text}"; ${near ? `did you mean "${near}"?` : `there is ${known.join(', ')}`}`;
}
