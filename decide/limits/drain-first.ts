/**
 * Lets a process go only when it has no job in its hands.
 *
 * Who is to go is told to take no new jobs (the controller does that, server/drain.ts); this limit keeps the count until
 * they are idle, and says for whom it waits. Where any process can be named, those that are idle go at once. Where only
 * the highest numbers can go (Heroku), a busy one keeps those below it, and that is said too.
 *
 * By default it waits for ever: a job that is killed is lost where it was acknowledged early and done twice where not,
 * and a worker that stays an hour longer costs cents. `patienceSeconds` sets an end to that, and 0 switches it off: where
 * workers can be told, decide() applies this limit unlisted too. A process that nobody can tell anything goes as it would
 * without this limit. Leaving the rest to the platform's grace time (30 s at Heroku) was
 * the other way; it is what kills long jobs. This limit comes last, so that no bound, budget or hold kills one either.
 */
import { currentCount } from '../formation.ts';
import type { LimitKind } from '../kinds.ts';
import { isFree, leavingOrder } from '../leaving.ts';
import { duration, number } from '../wording.ts';
import type { Limited, Process, View } from '../words.ts';

const mostNamed = 3;

export const drainFirst: LimitKind = {
  use: 'drain-first',
  title: 'Drain first',
  help: 'Who is to go takes no new jobs first, and goes when it is idle.',
  options: [
    {
      name: 'patienceSeconds',
      label: 'Patience',
      help: 'After so long it goes although it works; 0: at once. Absent: as long as it takes, so that no job is killed.',
      type: 'number',
      unit: 's',
      minimum: 0,
      maximum: 604_800,
      optional: true,
    },
  ],
  create: ({ patienceSeconds }) => {
    const patienceMs =
      patienceSeconds === undefined ? Number.POSITIVE_INFINITY : Number(patienceSeconds) * 1000;
    return {
      apply(count, view, now) {
        const current = currentCount(view.processes);
        if (count >= current) return { count };
        if (view.leaving === undefined)
          return { count, reason: 'nobody here can tell the workers to take no new jobs first' };
        return drained(count, current, view, now, patienceMs);
      },
    };
  },
};

type Verdict =
  | { readonly name: string; readonly goes: true; readonly but?: string }
  | { readonly name: string; readonly goes: false; readonly why: string };

function drained(count: number, current: number, view: View, now: number, patienceMs: number): Limited {
  const chosen = leavingOrder(view.processes, view.leaving ?? 'highest').slice(0, current - count);
  const verdicts = chosen.map((one) => verdictOn(one, now, patienceMs));
  const first = verdicts.findIndex(({ goes }) => !goes);
  const free = verdicts.filter(({ goes }) => goes);
  const going = view.leaving === 'highest' && first >= 0 ? verdicts.slice(0, first) : free;
  const blocked = free.filter((verdict) => !going.includes(verdict)).map(({ name }) => name);
  const waits = verdicts.flatMap((verdict) => (verdict.goes ? [] : [verdict.why]));
  const notes = going.flatMap((verdict) => (verdict.goes && verdict.but ? [verdict.but] : []));
  const words = [
    ...(waits.length > 0 ? [`waiting for ${several(waits)}`] : []),
    ...(blocked.length > 0
      ? [`${several(blocked)} below it ${blocked.length > 1 ? 'are' : 'is'} free to go`]
      : []),
    ...(notes.length > 0 ? [several(notes)] : []),
  ];
  const to = current - going.length;
  return words.length > 0 ? { count: to, reason: words.join('; ') } : { count: to };
}

function verdictOn(one: Process, now: number, patienceMs: number): Verdict {
  const { name, state, jobs, quietSince, deaf } = one;
  if (deaf !== undefined && state !== 'crashed')
    return { name, goes: true, but: `${name} goes without notice: ${deaf}` };
  if (isFree(one)) return { name, goes: true };
  if (quietSince === undefined) return { name, goes: false, why: `${name}: it is told to take no new jobs` };
  const doing = jobs === undefined ? 'it does not answer' : `${number(jobs)} running`;
  const waitedMs = Math.max(0, now - quietSince);
  if (waitedMs >= patienceMs)
    return {
      name,
      goes: true,
      but: `${name} goes, ${doing}: the patience of ${duration(patienceMs / 1000)} is over`,
    };
  return { name, goes: false, why: `${name}: ${doing}, ${duration(waitedMs / 1000)}` };
}

function several(items: readonly string[]): string {
  const named = items.slice(0, mostNamed).join(', ');
  return items.length > mostNamed ? `${named} and ${number(items.length - mostNamed)} more` : named;
}
