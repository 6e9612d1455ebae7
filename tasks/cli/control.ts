/** `headcount-tasks control …`: sends a command, and prints what each worker said. */
import type { Done } from '../control.ts';
import { askOf, type ControlFlags, type ControlOrder } from './control-flags.ts';
import { Ended, exitCodes } from './ended.ts';
import { withApp } from './place.ts';
import { amount, sayJson, sayTable } from './print.ts';

export async function command({ method, args }: ControlOrder, flags: ControlFlags): Promise<void> {
  await withApp(flags, async (app, timeoutMs) => {
    const { answers, silentCount = 0 } = await app.control.ask<Done>(method, args, askOf(flags, timeoutMs));
    if (flags.json) sayJson(answers);
    else if (answers.size > 0)
      sayTable(
        ['WORKER', 'ANSWER'],
        [...answers].map(([worker, done]) => [worker, text(done)]),
      );
    // Python's workers stop without an answer.
    if (answers.size === 0 && method === 'shutdown' && silentCount > 0) return;
    heard(answers.size, silentCount, flags);
    if ([...answers.values()].some(({ error }) => error !== undefined)) throw new Ended(exitCodes.failed, '');
  });
}

/** @throws Ended 69 when nobody answered */
export function heard(count: number, silentCount: number, { destination, pattern }: ControlFlags): void {
  if (count === 0) throw new Ended(exitCodes.unavailable, silence(silentCount, destination ?? pattern));
  if (silentCount > 0) process.stderr.write(`${amount(silentCount, 'worker')} did not answer in time\n`);
}

function silence(silentCount: number, meant: unknown): string {
  if (silentCount === 0)
    return 'no worker is there. Check the broker, the name or pattern, and that a worker runs.';
  const heardIt = `${amount(silentCount, 'worker')} heard it, and none answered in time`;
  return meant === undefined
    ? `${heardIt}; one that computes cannot. Give more --timeout.`
    : `${heardIt}. Perhaps none has that name: inspect ping tells the names. One that computes cannot answer: give more --timeout.`;
}

function text({ ok, error }: Done): string {
  return error === undefined ? String(ok ?? 'ok') : `error: ${error}`;
}
