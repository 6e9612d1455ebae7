/** The filter of the decisions as it stands in the address. What makes no sense there is left out. Pure. */
import type { Decision } from '../server/api.ts';
import type { DecisionFilter } from './api.ts';

export const outcomes: readonly { readonly value: Decision['outcome']; readonly label: string }[] = [
  { value: 'scaled', label: 'Scaled' },
  { value: 'failed', label: 'Failed' },
  { value: 'kept', label: 'Kept' },
  { value: 'dry-run', label: 'Dry run' },
];

export function decisionFilter(search: Readonly<Record<string, unknown>>): DecisionFilter {
  const text = (name: string): string | undefined => {
    const value = search[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const [app, processType] = [text('app'), text('processType')];
  const outcome = outcomes.find(({ value }) => value === search.outcome)?.value;
  const only = search.only === 'changes' || search.only === 'failures' ? search.only : undefined;
  return {
    ...(app && { app }),
    ...(processType && { processType }),
    ...(outcome && { outcome }),
    ...(only && { only }),
  };
}
