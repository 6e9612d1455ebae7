/**
 * The form of a manager's settings: bounds, rules, limits, meters. It keeps its own draft, so that live updates never
 * overwrite what a person is typing, and sends only what was changed, so that two people can change different things.
 */
import { Button, NumberInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { Adapters, Manager, ManagerChange } from '../../server/api.ts';
import { api } from '../api.ts';
import { useMay } from '../may.ts';
import { hasProblem } from '../option-values.ts';
import { queries } from '../queries.ts';
import { ChoicesForm } from './choices-form.tsx';
import { Failed } from './states.tsx';
import { WhatIf } from './what-if.tsx';

export type Draft = Pick<Manager, 'minimum' | 'maximum' | 'rules' | 'limits' | 'meters'>;
const draftKeys = ['minimum', 'maximum', 'rules', 'limits', 'meters'] as const;

interface SettingsFormProps {
  readonly app: string;
  readonly manager: Manager;
  readonly adapters: Adapters;
}

export function SettingsForm({ app, manager, adapters }: SettingsFormProps) {
  const may = useMay('admin', app);
  const [edits, setEdits] = useState<Partial<Draft>>({});
  const draft = { ...draftOf(manager), ...edits };
  const change = changeOf(draftOf(manager), draft);
  const dirty = Object.keys(change).length > 0;
  const problem = problemOf(draft, adapters);
  const save = useSave(app, manager.processType, () => setEdits({}));
  const set = (edit: Partial<Draft>): void => {
    save.reset();
    setEdits((old) => ({ ...old, ...edit }));
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (dirty && !problem) save.mutate(change);
  };
  return (
    <form className="settings" onSubmit={submit} aria-label="Settings" noValidate>
      <Bounds draft={draft} set={set} />
      <ManagerChoices draft={draft} set={set} adapters={adapters} />
      <WhatIf
        app={app}
        processType={manager.processType}
        change={change}
        disabled={!dirty || problem !== undefined}
      />
      {save.isError && <Failed what="The settings were not saved" error={save.error} />}
      <div className="save-bar">
        <Button type="submit" disabled={!dirty || problem !== undefined} loading={save.isPending} {...may}>
          Save
        </Button>
        <Button variant="default" disabled={!dirty} onClick={() => setEdits({})}>
          Undo changes
        </Button>
        <span className="save-word" role="status">
          {dirty ? (problem ?? 'Not saved yet.') : save.isSuccess ? 'Saved.' : ''}
        </span>
      </div>
    </form>
  );
}

interface DraftProps {
  readonly draft: Draft;
  readonly set: (edit: Partial<Draft>) => void;
  readonly strict?: boolean;
}

export function Bounds({ draft, set }: DraftProps) {
  return (
    <fieldset className="choices">
      <legend>
        <h2>Bounds</h2>
      </legend>
      <div className="bounds">
        <NumberInput
          label="Minimum workers"
          description="Never fewer than this."
          min={0}
          max={10_000}
          allowDecimal={false}
          value={draft.minimum}
          onChange={(value) => set({ minimum: Number(value) || 0 })}
        />
        <NumberInput
          label="Maximum workers"
          description="Never more than this."
          min={0}
          max={10_000}
          allowDecimal={false}
          value={draft.maximum}
          error={draft.maximum < draft.minimum ? 'Less than the minimum.' : undefined}
          onChange={(value) => set({ maximum: Number(value) || 0 })}
        />
      </div>
    </fieldset>
  );
}

export function ManagerChoices({ draft, set, adapters, strict = true }: DraftProps & { adapters: Adapters }) {
  return (
    <>
      <ChoicesForm
        noun="rule"
        help="Each proposes a number of workers from the readings; the largest need wins."
        adapters={adapters.rules}
        value={draft.rules}
        strict={strict}
        onChange={(rules) => set({ rules })}
      />
      <ChoicesForm
        noun="limit"
        help="They change that number, always in the same order; the bounds come last."
        adapters={adapters.limits}
        value={draft.limits}
        strict={strict}
        onChange={(limits) => set({ limits })}
      />
      <ChoicesForm
        noun="meter"
        help="They read how much work there is."
        adapters={adapters.meters}
        value={draft.meters}
        strict={strict}
        onChange={(meters) => set({ meters })}
      />
    </>
  );
}

export function problemOf(draft: Draft, adapters: Adapters): string | undefined {
  if (draft.maximum < draft.minimum) return 'The maximum is less than the minimum.';
  const wrong =
    hasProblem(draft.rules, adapters.rules) ||
    hasProblem(draft.limits, adapters.limits) ||
    hasProblem(draft.meters, adapters.meters);
  return wrong ? 'A field needs another value.' : undefined;
}

function useSave(app: string, processType: string, onSaved: () => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (change: ManagerChange) => api.changeManager(app, processType, change),
    onSuccess: async () => {
      await Promise.all([
        client.invalidateQueries({ queryKey: queries.manager(app, processType).queryKey }),
        client.invalidateQueries({ queryKey: queries.app(app).queryKey }),
        client.invalidateQueries({ queryKey: queries.apps().queryKey }),
      ]);
      onSaved();
    },
  });
}

function draftOf({ minimum, maximum, rules, limits, meters }: Manager): Draft {
  return { minimum, maximum, rules, limits, meters };
}

function changeOf(before: Draft, after: Draft): ManagerChange {
  const changed = draftKeys.filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
  return Object.fromEntries(changed.map((key) => [key, after[key]]));
}
