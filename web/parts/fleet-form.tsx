/** Which fleet an app runs on, and that fleet's options. */
import { Select } from '@mantine/core';
import type { Adapter, Choice } from '../../server/api.ts';
import { newChoice } from '../option-values.ts';
import { OptionForm } from './option-form.tsx';

interface FleetFormProps {
  readonly fleets: readonly Adapter[];
  readonly value: Choice | undefined;
  readonly onChange: (value: Choice) => void;
  readonly strict?: boolean;
}

export function FleetForm({ fleets, value, onChange, strict = false }: FleetFormProps) {
  const chosen = fleets.find((fleet) => fleet.use === value?.use);
  return (
    <>
      <Select
        label="Fleet"
        description={chosen?.help ?? 'Where the processes of this app run.'}
        data={fleets.map((fleet) => ({ value: fleet.use, label: fleet.title }))}
        value={value?.use ?? null}
        allowDeselect={false}
        onChange={(use) => {
          const fleet = fleets.find((candidate) => candidate.use === use);
          if (fleet) onChange(newChoice(fleet));
        }}
      />
      {chosen && value && (
        <OptionForm
          specs={chosen.options}
          values={value.options}
          strict={strict}
          onChange={(options) => onChange({ ...value, options })}
        />
      )}
    </>
  );
}
