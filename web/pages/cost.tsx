/** What the workers cost in a month, what was saved against keeping the peak up, and what the month will cost. */
import { useQuery } from '@tanstack/react-query';
import { Link, useSearch } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Cost } from '../../server/api-overview.ts';
import { now } from '../api.ts';
import { type CostDay, type CostSums, daysOf, type Month, monthOf, sumsOf } from '../cost-sums.ts';
import { count, dateOf, money, plural } from '../formats.ts';
import { CostTable } from '../parts/cost-table.tsx';
import { PageHead } from '../parts/page.tsx';
import { Empty, Failed, Loading } from '../parts/states.tsx';
import { queries } from '../queries.ts';

export function CostPage() {
  const search: { month?: string } = useSearch({ from: '/inside/cost' });
  const month = monthOf(search.month, now());
  const cost = useQuery(queries.cost(month.from, month.until));
  return (
    <>
      <PageHead title="Cost" top>
        <Months month={month} />
      </PageHead>
      {cost.data ? (
        <Money cost={cost.data} />
      ) : cost.isError ? (
        <Failed what="The cost could not be loaded" error={cost.error} retry={() => void cost.refetch()} />
      ) : (
        <Loading what="the cost" />
      )}
    </>
  );
}

const monthName = new Intl.DateTimeFormat('en-GB', { month: 'long', year: 'numeric' });

function Months({ month }: { month: Month }) {
  return (
    <nav className="months" aria-label="Month">
      <Link to="/cost" search={{ month: month.before }} aria-label="The month before">
        ◂
      </Link>
      <strong>{monthName.format(month.from)}</strong>
      {month.until <= now() ? (
        <Link to="/cost" search={{ month: month.after }} aria-label="The month after">
          ▸
        </Link>
      ) : (
        <span className="quiet" aria-hidden>
          ▸
        </span>
      )}
    </nav>
  );
}

function Money({ cost }: { cost: Cost }) {
  const sums = sumsOf(cost.apps);
  if (!cost.apps.some(({ processTypes }) => processTypes.length > 0))
    return (
      <Empty title="Nothing is managed yet" action={<Link to="/">All apps</Link>}>
        Cost is counted for process types that have a manager.
      </Empty>
    );
  return (
    <>
      <Tiles cost={cost} sums={sums} />
      <Notes sums={sums} />
      {sums.priced > 0 && <Days days={daysOf(cost)} />}
      <CostTable apps={cost.apps} />
    </>
  );
}

function Tiles({ cost, sums }: { cost: Cost; sums: CostSums }) {
  const known = sums.priced > 0;
  const over = cost.to >= cost.until;
  const share =
    sums.alwaysOn > 0
      ? `${Math.round((sums.saved / sums.alwaysOn) * 100)} % of always on`
      : 'against always on';
  return (
    <dl className="tiles">
      <Tile label="Spent" note={`${count(Math.round(sums.processHours))} process hours`}>
        {known ? money(sums.spent) : undefined}
      </Tile>
      <Tile label="Always on at the peak" note="the highest hour of each, kept up">
        {known ? money(sums.alwaysOn) : undefined}
      </Tile>
      <Tile label="Saved" note={share}>
        {known ? money(sums.saved) : undefined}
      </Tile>
      <Tile
        label={over ? 'The whole month' : 'Forecast for the month'}
        note={over ? '' : 'by the last 7 days'}
      >
        {known && sums.forecast !== undefined ? money(sums.forecast) : undefined}
      </Tile>
    </dl>
  );
}

function Tile({ label, note, children }: { label: string; note: string; children: ReactNode }) {
  return (
    <div className="tile">
      <dt>{label}</dt>
      <dd className="tile-value">
        {children === undefined ? (
          <span className="value is-unknown">unknown</span>
        ) : (
          <span className="value">{children}</span>
        )}
      </dd>
      <dd className="tile-note">{note}</dd>
    </div>
  );
}

const namedMost = 5;

function Notes({ sums: { unpriced, unknownHours } }: { sums: CostSums }) {
  const more = unpriced.length - namedMost;
  return (
    <>
      {unpriced.length > 0 && (
        <p className="notice" data-tone="unknown">
          <b>No price is known</b> of {unpriced.slice(0, namedMost).join(', ')}
          {more > 0 && ` and ${plural(more, 'other')}`}: where they run tells none. Their hours are below, and
          their money is in no sum.
        </p>
      )}
      {unknownHours > 0 && (
        <p className="notice" data-tone="unknown">
          <b>{plural(Math.round(unknownHours), 'hour')} of managers were not recorded.</b> What ran then is in
          no sum.
        </p>
      )}
    </>
  );
}

function Days({ days }: { days: readonly CostDay[] }) {
  const most = Math.max(0.01, ...days.map(({ spent = 0 }) => spent));
  const known = days.filter(({ spent }) => spent !== undefined);
  const highest = known.reduce<CostDay | undefined>(
    (top, day) => ((day.spent ?? 0) > (top?.spent ?? -1) ? day : top),
    undefined,
  );
  const label = `Spent by day. ${plural(known.length, 'day')} known${
    highest ? `, the most ${money(highest.spent)} on ${dateOf(highest.at)}` : ''
  }.`;
  return (
    <section className="card listed" aria-labelledby="by-day">
      <h2 id="by-day">By day</h2>
      <div className="cost-days" role="img" aria-label={label}>
        {days.map(({ at, spent }) => (
          <span
            className="cost-day"
            key={at}
            title={`${dateOf(at)}: ${money(spent)}`}
            data-unknown={spent === undefined}
          >
            <i style={{ height: `${spent === undefined ? 100 : Math.max(1, (spent / most) * 100)}%` }} />
          </span>
        ))}
      </div>
      <p className="cost-axis quiet" aria-hidden>
        <span>{days[0] && dateOf(days[0].at)}</span>
        <span>the highest is {money(highest?.spent)}</span>
        <span>{dateOf(days.at(-1)?.at ?? 0)}</span>
      </p>
    </section>
  );
}
