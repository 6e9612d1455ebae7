/** Which fleet an app runs on, and that fleet's options. */
import type { Adapter, Choice } from '../../server/api.ts';
import { AdapterForm } from './adapter-form.tsx';

interface FleetFormProps {
  readonly fleets: readonly Adapter[];
  readonly value: Choice | undefined;
  readonly onChange: (value: Choice) => void;
  readonly strict?: boolean;
}

export function FleetForm({ fleets, ...rest }: FleetFormProps) {
  return (
    <AdapterForm label="Fleet" help="Where the processes of this app run." adapters={fleets} {...rest} />
  );
}
