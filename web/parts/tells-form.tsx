/**
 * Of what a channel tells: which news, from which severity on, of which apps, grouped over how long, and when it is quiet.
 * Time zones are those that the browser knows, by name; an offset was rejected, because it is wrong for half of the year.
 */
import { MultiSelect, NumberInput, Select, Switch, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { Severity, Tells } from '../../server/api-issues.ts';
import { queries } from '../queries.ts';

interface TellsFormProps {
  readonly value: Tells;
  readonly onChange: (value: Tells) => void;
}

const severities: { value: Severity; label: string }[] = [
  { value: 'info', label: 'All' },
  { value: 'warning', label: 'Warnings and critical' },
  { value: 'critical', label: 'Critical only' },
];

export function TellsForm({ value, onChange }: TellsFormProps) {
  const set = (change: Partial<Tells>): void => onChange({ ...value, ...change });
  return (
    <>
      <fieldset className="choices">
        <legend>
          <h3>Tells of</h3>
        </legend>
        <News value={value} set={set} />
      </fieldset>
      <div className="option-form">
        <Select
          label="Severity"
          description="Issues below it are not told."
          data={severities}
          value={value.leastSeverity}
          allowDeselect={false}
          onChange={(leastSeverity) => leastSeverity && set({ leastSeverity })}
        />
        <NumberInput
          label="Group over (s)"
          description="What comes within this time is one message."
          min={0}
          max={3_600}
          value={value.groupSeconds}
          error={groupProblem(value)}
          onChange={(next) => set({ groupSeconds: typeof next === 'number' ? next : Number.NaN })}
        />
      </div>
      <Apps value={value} onChange={onChange} />
      <QuietHours value={value} onChange={onChange} />
    </>
  );
}

/** What is wrong, or nothing. */
export function problemWithTells(tells: Tells): string | undefined {
  const { quiet } = tells;
  if (groupProblem(tells)) return 'A field needs another value.';
  if (quiet && (!quiet.from || !quiet.to)) return 'The quiet hours need both times.';
  return quiet && quiet.from === quiet.to ? 'The quiet hours begin when they end.' : undefined;
}

function groupProblem({ groupSeconds }: Tells): string | undefined {
  return groupSeconds >= 0 && groupSeconds <= 3_600 ? undefined : 'Between 0 and 3,600.';
}

function News({ value, set }: { value: Tells; set: (change: Partial<Tells>) => void }) {
  const kinds = [
    { key: 'opened', label: 'Issues that open' },
    { key: 'resolved', label: 'Issues that are resolved' },
    { key: 'scaled', label: 'Every change of a number' },
  ] as const;
  return kinds.map(({ key, label }) => (
    <Switch
      key={key}
      label={label}
      checked={value[key]}
      onChange={(event) => set({ [key]: event.currentTarget.checked })}
    />
  ));
}

function Apps({ value, onChange }: TellsFormProps) {
  const { data: apps = [] } = useQuery(queries.apps());
  const chosen = value.apps ?? [];
  // An app that is gone stays chosen until a person takes it away.
  const names = [...new Set([...apps.map(({ name }) => name), ...chosen])].sort();
  return (
    <MultiSelect
      label="Apps"
      description="Empty: all of them, also those that come later."
      data={names}
      value={chosen}
      searchable
      limit={100}
      nothingFoundMessage="No app of this name"
      onChange={(next) => {
        const { apps: _, ...rest } = value;
        onChange(next.length > 0 ? { ...rest, apps: next } : rest);
      }}
    />
  );
}

function QuietHours({ value, onChange }: TellsFormProps) {
  const { quiet, ...rest } = value;
  const zones = [
    ...new Set(['UTC', ...(quiet ? [quiet.timeZone] : []), ...Intl.supportedValuesOf('timeZone')]),
  ];
  return (
    <fieldset className="choices">
      <legend>
        <h3>Quiet hours</h3>
      </legend>
      <Switch
        label="Have quiet hours"
        checked={quiet !== undefined}
        onChange={(event) => onChange(event.currentTarget.checked ? { ...rest, quiet: night() } : rest)}
      />
      <Text size="sm" c="dimmed">
        In them only what is critical is told; the rest waits for their end.
      </Text>
      {quiet && (
        <div className="option-form">
          {(['from', 'to'] as const).map((end) => (
            <TextInput
              key={end}
              type="time"
              label={end === 'from' ? 'From' : 'To'}
              value={quiet[end]}
              onChange={(event) =>
                onChange({ ...rest, quiet: { ...quiet, [end]: event.currentTarget.value } })
              }
            />
          ))}
          <Select
            label="Time zone"
            data={zones}
            value={quiet.timeZone}
            allowDeselect={false}
            searchable
            limit={50}
            onChange={(timeZone) => timeZone && onChange({ ...rest, quiet: { ...quiet, timeZone } })}
          />
        </div>
      )}
    </fieldset>
  );
}

function night(): NonNullable<Tells['quiet']> {
  return { from: '22:00', to: '06:00', timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone };
}
