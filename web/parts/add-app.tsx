/** A new app: its name, where it answers, and the fleet that it runs on. */
import { Button, Group, Modal, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import type { AppSettings, Choice } from '../../server/api.ts';
import { api } from '../api.ts';
import { hasProblem } from '../option-values.ts';
import { queries } from '../queries.ts';
import { FleetForm } from './fleet-form.tsx';
import { Failed } from './states.tsx';

const namePattern = /^[a-z0-9][a-z0-9-]{0,62}$/;

export function AddApp({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Add an app" centered>
      <AddAppForm onClose={onClose} />
    </Modal>
  );
}

function AddAppForm({ onClose }: { onClose: () => void }) {
  const { data: adapters } = useQuery(queries.adapters());
  const [name, setName] = useState('');
  const [url, setUrl] = useState('');
  const [fleet, setFleet] = useState<Choice>();
  const add = useAdd(onClose);
  const wrongName = name !== '' && !namePattern.test(name);
  const wrongFleet = fleet !== undefined && hasProblem([fleet], adapters?.fleets ?? []);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    add.mutate({ name, ...(url.trim() ? { url: url.trim() } : {}), ...(fleet ? { fleet } : {}) });
  };
  return (
    <form onSubmit={submit} className="stack">
      <TextInput
        label="Name"
        description="Lower-case letters, digits and hyphens. It stands in addresses."
        data-autofocus
        required
        maxLength={63}
        value={name}
        error={wrongName ? 'Only lower-case letters, digits and hyphens, not a hyphen first.' : undefined}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <TextInput
        label="Address"
        description="Where its web process answers, if it has one: https://music.example.com"
        type="url"
        maxLength={2_000}
        value={url}
        onChange={(event) => setUrl(event.currentTarget.value)}
      />
      <FleetForm fleets={adapters?.fleets ?? []} value={fleet} onChange={setFleet} />
      {add.isError && <Failed what="The app was not added" error={add.error} />}
      <Group>
        <Button type="submit" disabled={name === '' || wrongName || wrongFleet} loading={add.isPending}>
          Add
        </Button>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
      </Group>
    </form>
  );
}

function useAdd(onClose: () => void) {
  const client = useQueryClient();
  const navigate = useNavigate();
  return useMutation({
    mutationFn: (settings: AppSettings) => api.createApp(settings),
    onSuccess: async (app) => {
      await client.invalidateQueries({ queryKey: queries.apps().queryKey });
      onClose();
      await navigate({ to: '/apps/$app', params: { app: app.name } });
    },
  });
}
