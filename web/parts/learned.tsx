/** What a manager learned from its own history, and how sure it is. */
import type { Manager } from '../../server/api.ts';
import { count, plural, seconds } from '../formats.ts';

type Estimate = Manager['learned']['serviceSeconds'];

export function Learned({ learned }: { learned: Manager['learned'] }) {
  return (
    <dl className="learned">
      <Fact label="One job takes" estimate={learned.serviceSeconds} format={seconds} />
      <Fact label="A worker boots in" estimate={learned.bootSeconds} format={seconds} />
      <Fact label="Jobs at a time per worker" estimate={learned.concurrency} format={count} />
    </dl>
  );
}

interface FactProps {
  readonly label: string;
  readonly estimate: Estimate;
  readonly format: (value: number) => string;
}

function Fact({ label, estimate, format }: FactProps) {
  const { value, observations } = estimate;
  return (
    <div>
      <dt>{label}</dt>
      <dd>
        <b>{format(value)}</b>{' '}
        <span className="quiet">
          {observations === 0 ? 'assumed' : `from ${plural(observations, 'observation')}`}
        </span>
      </dd>
    </div>
  );
}
