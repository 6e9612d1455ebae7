/** The chain of reasons behind a number, in the order in which they spoke. */
import type { Reason } from '../../server/api.ts';
import { count } from '../formats.ts';

export function Reasons({ reasons }: { reasons: readonly Reason[] }) {
  if (reasons.length === 0)
    return <p className="reasons-none">Nothing spoke: the number stayed as it was.</p>;
  return (
    <ol className="reasons">
      {reasons.map((reason, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the order is the identity, and it never changes
        <li key={index} data-changed={reason.from !== reason.to}>
          <span className="reason-step">{step(reason)}</span>
          <span className="reason-by">{reason.by}</span>
          <span className="reason-text">{reason.text}</span>
        </li>
      ))}
    </ol>
  );
}

function step({ from, to }: Reason): string {
  return from === to ? count(to) : `${count(from)} → ${count(to)}`;
}
