/** A new manager: a process type, its bounds, and what it is measured and decided by. */
import { Button, Group, Modal, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import type { Adapters, ManagerSettings } from '../../server/api.ts';
import { api } from '../api.ts';
import { queries } from '../queries.ts';
import { Bounds, type Draft, ManagerChoices, problemOf } from './settings-form.tsx';
import { Failed } from './states.tsx';

interface AddManagerProps {
  readonly app: string;
  readonly adapters: Adapters;
  readonly opened: boolean;
  readonly onClose: () => void;
}

export function AddManager(props: AddManagerProps) {
  return (
    <Modal opened={props.opened} onClose={props.onClose} title="Add a manager" size="lg">
      <AddManagerForm {...props} />
    </Modal>
  );
}

const processTypePattern = /^[a-zA-Z][a-zA-Z0-9_-]{0,62}$/;
const start: Draft = { minimum: 0, maximum: 5, rules: [], limits: [], meters: [] };

function AddManagerForm({ app, adapters, onClose }: AddManagerProps) {
  const [processType, setProcessType] = useState('worker');
  const [draft, setDraft] = useState<Draft>(start);
  const set = (edit: Partial<Draft>): void => setDraft((old) => ({ ...old, ...edit }));
  const add = useAdd(app, onClose);
  const wrongName = !processTypePattern.test(processType);
  const problem = problemOf(draft, adapters);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const { rules, limits, meters, ...bounds } = draft;
    // A list that was left empty is left out: the controller then takes its defaults.
    add.mutate({
      processType,
      ...bounds,
      ...(rules.length > 0 ? { rules } : {}),
      ...(limits.length > 0 ? { limits } : {}),
      ...(meters.length > 0 ? { meters } : {}),
    });
  };
  return (
    <form onSubmit={submit} className="stack" noValidate>
      <TextInput
        label="Process type"
        description="As in the Procfile: worker, mailer, web."
        data-autofocus
        required
        maxLength={63}
        value={processType}
        error={wrongName ? 'A letter first, then letters, digits, _ and -.' : undefined}
        onChange={(event) => setProcessType(event.currentTarget.value)}
      />
      <Bounds draft={draft} set={set} />
      <ManagerChoices draft={draft} set={set} adapters={adapters} strict={false} />
      {add.isError && <Failed what="The manager was not added" error={add.error} />}
      <Group>
        <Button type="submit" disabled={wrongName || problem !== undefined} loading={add.isPending}>
          Add
        </Button>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <span className="save-word" role="status">
          {problem ?? ''}
        </span>
      </Group>
    </form>
  );
}

function useAdd(app: string, onClose: () => void) {
  const client = useQueryClient();
  const navigate = useNavigate();
  return useMutation({
    mutationFn: (settings: ManagerSettings) => api.createManager(app, settings),
    onSuccess: async (manager) => {
      await Promise.all([
        client.invalidateQueries({ queryKey: queries.apps().queryKey }),
        client.invalidateQueries({ queryKey: queries.app(app).queryKey }),
      ]);
      onClose();
      await navigate({ to: '/apps/$app/$processType', params: { app, processType: manager.processType } });
    },
  });
}
