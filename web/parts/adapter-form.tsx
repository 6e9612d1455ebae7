/** Which of several adapters is used, and its options. */
import { Select } from '@mantine/core';
import type { Adapter, Choice } from '../../server/api.ts';
import { newChoice } from '../option-values.ts';
import { OptionForm } from './option-form.tsx';

interface AdapterFormProps {
  readonly label: string;
  /** While none is chosen. */
  readonly help: string;
  readonly adapters: readonly Adapter[];
  readonly value: Choice | undefined;
  readonly onChange: (value: Choice) => void;
  readonly strict?: boolean;
}

export function AdapterForm({ label, help, adapters, value, onChange, strict = false }: AdapterFormProps) {
  const chosen = adapters.find((adapter) => adapter.use === value?.use);
  return (
    <>
      <Select
        label={label}
        description={chosen?.help ?? help}
        data={adapters.map((adapter) => ({ value: adapter.use, label: adapter.title }))}
        value={value?.use ?? null}
        allowDeselect={false}
        onChange={(use) => {
          const adapter = adapters.find((candidate) => candidate.use === use);
          if (adapter && adapter.use !== value?.use) onChange(newChoice(adapter));
        }}
      />
      {chosen && value && (
        <OptionForm
          // The field of a secret remembers what it stood for; another adapter has another.
          key={chosen.use}
          specs={chosen.options}
          values={value.options}
          strict={strict}
          onChange={(options) => onChange({ ...value, options })}
        />
      )}
    </>
  );
}
