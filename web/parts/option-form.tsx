/** Fields drawn from the descriptions that adapters give of their options. No adapter is known here by name. */
import { NumberInput, PasswordInput, Select, Switch, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { OptionSpec } from '../../server/api.ts';
import { type OptionValue, type OptionValues, problemWith, withOption } from '../option-values.ts';
import { WeekField, ZoneField } from './week-field.tsx';

interface OptionFormProps {
  readonly specs: readonly OptionSpec[];
  readonly values: OptionValues;
  readonly onChange: (values: OptionValues) => void;
  /** Show what is missing also before it was touched. */
  readonly strict?: boolean;
}

export function OptionForm({ specs, values, onChange, strict = false }: OptionFormProps) {
  return (
    <div className="option-form">
      {specs.map((spec) => (
        <OptionField
          key={spec.name}
          spec={spec}
          value={values[spec.name]}
          strict={strict}
          zone={zoneOf(specs, values)}
          onChange={(value) => onChange(withOption(values, spec.name, value))}
        />
      ))}
    </div>
  );
}

interface FieldProps {
  readonly spec: OptionSpec;
  readonly value: OptionValue | undefined;
  readonly onChange: (value: OptionValue | undefined) => void;
  readonly strict: boolean;
  /** In which the times of the other options are. */
  readonly zone: string;
}

/** The time zone that these options name. */
function zoneOf(specs: readonly OptionSpec[], values: OptionValues): string {
  const spec = specs.find(({ format }) => format === 'time-zone');
  return String((spec && (values[spec.name] ?? spec.default)) || 'UTC');
}

function OptionField({ spec, value, onChange, strict, zone }: FieldProps) {
  const problem = value === undefined && !strict ? undefined : problemWith(spec, value);
  const required = spec.default === undefined && !spec.optional;
  const field = {
    label: spec.unit ? `${spec.label} (${spec.unit})` : spec.label,
    description: spec.help,
    withAsterisk: required,
    ...(problem ? { error: problem } : {}),
  };
  const placeholder = placeholderOf(spec);
  if (spec.type === 'boolean')
    return (
      <Switch
        label={spec.label}
        description={spec.help}
        checked={(value ?? spec.default) === true}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
    );
  if (spec.type === 'number')
    return (
      <NumberInput
        {...field}
        placeholder={placeholder}
        value={typeof value === 'number' ? value : ''}
        onChange={(next) => onChange(typeof next === 'number' ? next : undefined)}
      />
    );
  if (spec.format === 'week')
    return <WeekField field={field} value={text(value)} zone={zone} onChange={onChange} />;
  if (spec.format === 'time-zone')
    return <ZoneField field={field} value={text(value ?? spec.default)} onChange={onChange} />;
  if (spec.choices)
    return (
      <Select
        {...field}
        placeholder={placeholder}
        data={[...spec.choices]}
        value={text(value) || null}
        clearable={!required}
        onChange={(next) => onChange(next ?? undefined)}
      />
    );
  if (spec.secret) return <SecretField field={field} value={text(value)} onChange={onChange} />;
  return (
    <TextInput
      {...field}
      placeholder={placeholder}
      value={text(value)}
      autoComplete="off"
      spellCheck={false}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

interface SecretFieldProps {
  readonly field: object;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

/** A secret comes as dots, which stand for "as it was": they are sent back until something else is typed. */
function SecretField({ field, value, onChange }: SecretFieldProps) {
  const [dots] = useState(() => (/^•+$/.test(value) ? value : ''));
  return (
    <PasswordInput
      {...field}
      placeholder={dots && 'unchanged'}
      value={value === dots ? '' : value}
      autoComplete="new-password"
      spellCheck={false}
      onChange={(event) => onChange(event.currentTarget.value || dots)}
    />
  );
}

function text(value: OptionValue | undefined): string {
  return value === undefined ? '' : String(value);
}

function placeholderOf(spec: OptionSpec): string {
  return spec.default === undefined ? '' : `${spec.default} unless set`;
}
