/** What each process type of each app used and cost. On a narrow screen a line becomes a card with its labels. */
import { Link } from '@tanstack/react-router';
import type { Cost, TypeCost } from '../../server/api-overview.ts';
import { count, money, price } from '../formats.ts';

interface Column {
  readonly label: string;
  /** Absent: unknown. */
  readonly of: (type: TypeCost) => string | undefined;
}

const columns: readonly Column[] = [
  { label: 'Price per hour', of: (type) => type.money && price(type.money.pricePerHour) },
  {
    label: 'Process hours',
    of: ({ hours, processHours }) => (hours > 0 ? count(tenth(processHours)) : undefined),
  },
  { label: 'Peak', of: ({ hours, peak }) => (hours > 0 ? count(tenth(peak)) : undefined) },
  { label: 'Spent', of: (type) => type.money && money(type.money.spent) },
  { label: 'Always on', of: (type) => type.money && money(type.money.alwaysOn) },
  { label: 'Saved', of: (type) => type.money && money(type.money.saved) },
  {
    label: 'Forecast',
    of: ({ money: known }) => (known?.forecast === undefined ? undefined : money(known.forecast)),
  },
];

function tenth(value: number): number {
  return value < 100 ? Math.round(value * 10) / 10 : Math.round(value);
}

export function CostTable({ apps }: Pick<Cost, 'apps'>) {
  const rows = apps.flatMap(({ name, processTypes }) => processTypes.map((type) => ({ app: name, type })));
  rows.sort((a, b) => (b.type.money?.spent ?? -1) - (a.type.money?.spent ?? -1));
  return (
    <section className="card listed" aria-labelledby="by-type">
      <h2 id="by-type">By app and process type</h2>
      <table className="tasks cost-table">
        <thead>
          <tr>
            <th scope="col">Process type</th>
            {columns.map(({ label }) => (
              <th scope="col" key={label}>
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ app, type }) => (
            <Row key={`${app}/${type.processType}`} app={app} type={type} />
          ))}
        </tbody>
      </table>
      <p className="tasks-note">
        A peak is the highest mean of an hour, so what was saved is rather more than said. Prices are those
        that the platform tells now, in US dollars; what is billed by begun hours or months costs more.
      </p>
    </section>
  );
}

function Row({ app, type }: { app: string; type: TypeCost }) {
  const { processType } = type;
  return (
    <tr>
      <th scope="row">
        <Link
          to="/apps/$app/$processType"
          params={{ app, processType }}
          className="tasks-name cut"
          title={processType}
        >
          {processType}
        </Link>
        <span className="tasks-queue cut" title={app}>
          {app}
        </span>
      </th>
      {columns.map(({ label, of }) => (
        <td key={label} data-label={label}>
          {of(type) ?? <span className="value is-unknown">unknown</span>}
        </td>
      ))}
    </tr>
  );
}
