/**
 * What the last week would have looked like with the changes that are not saved yet: the present and the changed settings side by
 * side, beside what really was. An answer belongs to the changes that were asked about; when they change it is no longer shown,
 * since nobody would see that it speaks of others.
 */
import { Button } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useMemo } from 'react';
import 'uplot/dist/uPlot.min.css';
import type { ManagerChange } from '../../server/api.ts';
import type { WhatIfOutcome, WhatIfPlayed } from '../../server/api-what-if.ts';
import { api, now } from '../api.ts';
import { clockTime, count, money, seconds } from '../formats.ts';
import { Chart } from './chart.tsx';
import type { Line } from './chart-data.ts';
import { counted } from './manager-charts.tsx';
import { Failed, Loading } from './states.tsx';

interface WhatIfProps {
  readonly app: string;
  readonly processType: string;
  /** What is not saved yet. */
  readonly change: ManagerChange;
  /** Nothing was changed, or what was cannot be saved. */
  readonly disabled: boolean;
}

export function WhatIf({ app, processType, change, disabled }: WhatIfProps) {
  const ask = useMutation({ mutationFn: (asked: ManagerChange) => api.whatIf(app, processType, asked) });
  const isOfThis = JSON.stringify(ask.variables) === JSON.stringify(change);
  return (
    <section className="what-if" aria-labelledby="what-if">
      <h2 id="what-if">Before you save</h2>
      <p className="hint">
        What would the last week have looked like? The recorded work is played under the present settings and
        under your changes. Nothing is saved or scaled.
      </p>
      <Button
        variant="default"
        size="xs"
        disabled={disabled}
        loading={ask.isPending}
        onClick={() => ask.mutate(change)}
      >
        Play the last week
      </Button>
      <div aria-live="polite">
        {ask.isPending && <Loading what="the last week" />}
        {isOfThis && ask.isError && <Failed what="It could not be played" error={ask.error} />}
        {isOfThis && ask.data?.why !== undefined && (
          <p className="what-if-none">{`Nothing can be said: ${ask.data.why}.`}</p>
        )}
        {isOfThis && ask.data?.played && <Played played={ask.data.played} />}
      </div>
    </section>
  );
}

const trusts: Readonly<Record<WhatIfPlayed['trust'], string>> = {
  good: 'The estimate fits what was recorded.',
  fair: 'The estimate is rough.',
  poor: 'The estimate is poor: take it as a hint.',
};

const wished: readonly Line[] = [
  { label: 'present settings', colour: '--hc-working', look: 'steps', of: (point) => point.current },
  { label: 'your changes', colour: '--hc-wait', look: 'dashed-steps', of: (point) => point.desired },
];

function Played({ played }: { played: WhatIfPlayed }) {
  const { from, to, steps, stepSeconds, playedSeconds, trust, notes } = played;
  const points = useMemo(
    () => steps.map(({ at, present, changed }) => ({ at, current: present, desired: changed, unknown: 0 })),
    [steps],
  );
  return (
    <div className="what-if-answer">
      <p>
        {`${seconds(playedSeconds)} of readings, ${clockTime(from, now())} to ${clockTime(to, now())}. `}
        <b>{trusts[trust]}</b>
      </p>
      <Comparison played={played} />
      <Chart
        title={`Workers wanted, the most of each ${seconds(stepSeconds)}`}
        points={points}
        from={from}
        to={to}
        lines={wished}
        format={count}
        axis={counted}
      />
      <h3>How it was estimated</h3>
      <ul className="what-if-notes">
        {notes.map((note) => (
          <li key={note}>{note}</li>
        ))}
      </ul>
    </div>
  );
}

interface Row {
  readonly label: string;
  readonly of: (outcome: WhatIfOutcome) => string;
  /** Absent: nobody recorded it. */
  readonly was?: string | undefined;
}

function rowsOf({ recorded, goalsSeconds, pricePerHour }: WhatIfPlayed): Row[] {
  const { processHours, mostProcesses, longestSeconds } = recorded;
  const priced = (hours: number): string => money(hours * (pricePerHour ?? 0));
  return [
    ...(pricePerHour === undefined
      ? []
      : [{ label: 'Cost', of: (one: WhatIfOutcome) => priced(one.processHours), was: priced(processHours) }]),
    { label: 'Process hours', of: (one) => hours(one.processHours), was: hours(processHours) },
    ...goalsSeconds.map((goal, place) => ({
      label: `Jobs that start within ${seconds(goal)}`,
      of: (one: WhatIfOutcome) => percent(one.withinGoals[place]),
    })),
    { label: 'Wait of 95 in 100 jobs, at most', of: (one) => wait(one.p95Seconds) },
    {
      label: 'Longest wait',
      of: (one) => wait(one.longestSeconds),
      was: longestSeconds === undefined ? undefined : wait(longestSeconds),
    },
    { label: 'Most workers', of: (one) => count(one.mostProcesses), was: count(mostProcesses) },
    { label: 'Changes of the number', of: (one) => count(one.changes) },
  ];
}

function Comparison({ played }: { played: WhatIfPlayed }) {
  return (
    <table className="what-if-table">
      <thead>
        <tr>
          <td />
          <th scope="col">Recorded</th>
          <th scope="col">Present settings</th>
          <th scope="col">Your changes</th>
        </tr>
      </thead>
      <tbody>
        {rowsOf(played).map(({ label, of, was }) => (
          <tr key={label}>
            <th scope="row">{label}</th>
            <td className="quiet">{was ?? '–'}</td>
            <td>{of(played.present)}</td>
            <td>
              <b>{of(played.changed)}</b>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function hours(value: number): string {
  return count(value < 100 ? Math.round(value * 10) / 10 : Math.round(value));
}

function wait(value: number): string {
  return seconds(value < 10 ? Math.round(value * 10) / 10 : value);
}

/** No share is rounded to all or to none. */
function percent(share: number | undefined): string {
  if (share === undefined) return '–';
  const rounded = Math.round(share * 1_000) / 10;
  if (rounded === 100 && share < 1) return 'over 99.9 %';
  if (rounded === 0 && share > 0) return 'under 0.1 %';
  return `${rounded} %`;
}
