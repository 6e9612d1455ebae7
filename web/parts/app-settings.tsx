/** Where an app answers and which fleet it runs on; and its end. */
import { Button, Group, Text, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import type { Adapters, App, AppChange, Choice } from '../../server/api.ts';
import { api } from '../api.ts';
import { useMay } from '../may.ts';
import { hasProblem } from '../option-values.ts';
import { queries } from '../queries.ts';
import { Confirm } from './confirm.tsx';
import { FleetForm } from './fleet-form.tsx';
import { Failed } from './states.tsx';

export function AppSettingsForm({ app, adapters }: { app: App; adapters: Adapters }) {
  const [url, setUrl] = useState<string>();
  const [fleet, setFleet] = useState<Choice>();
  const may = useMay('admin', app.name);
  const client = useQueryClient();
  const save = useMutation({
    mutationFn: (change: AppChange) => api.changeApp(app.name, change),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: queries.app(app.name).queryKey });
      await client.invalidateQueries({ queryKey: queries.apps().queryKey });
      setUrl(undefined);
      setFleet(undefined);
    },
  });
  const change: AppChange = {
    ...(url !== undefined && url !== (app.url ?? '') ? { url: url.trim() || null } : {}),
    ...(fleet && JSON.stringify(fleet) !== JSON.stringify(app.fleet) ? { fleet } : {}),
  };
  const dirty = Object.keys(change).length > 0;
  const wrong = fleet !== undefined && hasProblem([fleet], adapters.fleets);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    save.mutate(change);
  };
  return (
    <section className="card" aria-labelledby="place">
      <h2 id="place">Where it runs</h2>
      <form onSubmit={submit} className="stack">
        <TextInput
          label="Address"
          description="Where its web process answers: https://music.example.com. Empty: it has none to ask."
          type="url"
          maxLength={2_000}
          value={url ?? app.url ?? ''}
          onChange={(event) => setUrl(event.currentTarget.value)}
        />
        <FleetForm fleets={adapters.fleets} value={fleet ?? app.fleet} onChange={setFleet} strict />
        {save.isError && <Failed what="This was not saved" error={save.error} />}
        <Group>
          <Button type="submit" size="xs" disabled={!dirty || wrong} loading={save.isPending} {...may}>
            Save
          </Button>
          <span className="save-word" role="status">
            {dirty ? 'Not saved yet.' : save.isSuccess ? 'Saved.' : ''}
          </span>
        </Group>
      </form>
    </section>
  );
}

export function RemoveApp({ app }: { app: App }) {
  const [asking, setAsking] = useState(false);
  const may = useMay('admin', app.name);
  const client = useQueryClient();
  const navigate = useNavigate();
  const remove = useMutation({
    mutationFn: () => api.removeApp(app.name),
    onSuccess: async () => {
      await navigate({ to: '/' });
      client.removeQueries({ queryKey: queries.app(app.name).queryKey });
      await client.invalidateQueries({ queryKey: queries.apps().queryKey });
    },
  });
  return (
    <>
      <Button size="xs" variant="default" className="danger" onClick={() => setAsking(true)} {...may}>
        Remove this app…
      </Button>
      <Confirm
        opened={asking}
        onClose={() => setAsking(false)}
        title={`Remove ${app.name}?`}
        yes="Remove the app"
        pending={remove.isPending}
        onYes={() => remove.mutate()}
      >
        <Text size="sm">
          Its processes are stopped; its managers, readings and decisions go with it. This cannot be undone.
        </Text>
        {remove.isError && <Failed what="The app was not removed" error={remove.error} />}
      </Confirm>
    </>
  );
}
