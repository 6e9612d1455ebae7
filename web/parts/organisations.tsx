/** Which organisation new apps go to, for who is in several; and another one, for owners of the one that runs the controller. */
import { Button, NativeSelect, Text, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { Organisation } from '../../server/api-people.ts';
import { peopleApi } from '../api-people.ts';
import { Failed } from './states.tsx';

/** The one that was made with the controller; its owners may add others. */
const firstOrganisation = '1';

export function Organisations({ organisations }: { organisations: readonly Organisation[] }) {
  const mayAdd = organisations.some(({ id, role }) => id === firstOrganisation && role === 'owner');
  if (organisations.length < 2 && !mayAdd) return null;
  return (
    <section className="card" aria-labelledby="organisations">
      <h2 id="organisations">Organisations</h2>
      <div className="stack">
        {organisations.length > 1 && <Switch organisations={organisations} />}
        {mayAdd && <AddOrganisation />}
      </div>
    </section>
  );
}

function Switch({ organisations }: { organisations: readonly Organisation[] }) {
  const client = useQueryClient();
  const choose = useMutation({
    mutationFn: peopleApi.choose,
    onSuccess: () => client.invalidateQueries(),
  });
  return (
    <div className="stack">
      <NativeSelect
        label="New apps go to"
        description="These settings are of it too. Apps of all your organisations are shown together."
        disabled={choose.isPending}
        value={organisations[0]?.id ?? ''}
        data={organisations.map(({ id, name }) => ({ value: id, label: name }))}
        onChange={(event) => choose.mutate(event.currentTarget.value)}
      />
      {choose.isError && <Failed what="It was not chosen" error={choose.error} />}
    </div>
  );
}

function AddOrganisation() {
  const client = useQueryClient();
  const [name, setName] = useState('');
  const add = useMutation({
    mutationFn: () => peopleApi.addOrganisation(name.trim()),
    onSuccess: async () => {
      setName('');
      await client.invalidateQueries();
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    add.mutate();
  };
  return (
    <form onSubmit={submit} className="stack">
      <TextInput
        label="Name of another organisation"
        description="You become its owner. Who is in this one sees nothing of it."
        required
        maxLength={80}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      {add.isSuccess && (
        <Text size="sm" role="status">
          {add.data.name} is there. Choose above what new apps go to.
        </Text>
      )}
      {add.isError && <Failed what="It was not added" error={add.error} />}
      <Button type="submit" size="xs" variant="default" loading={add.isPending}>
        Add an organisation
      </Button>
    </form>
  );
}
