/** The organisation's name, for its owners. */
import { Button, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { Organisation } from '../../server/api-people.ts';
import { peopleApi } from '../api-people.ts';
import { queries } from '../queries.ts';
import { Failed } from './states.tsx';

export function OrganisationName({ organisation }: { organisation: Organisation }) {
  const client = useQueryClient();
  const [name, setName] = useState(organisation.name);
  const rename = useMutation({
    mutationFn: () => peopleApi.rename(organisation.id, name),
    onSuccess: () => client.invalidateQueries(queries.me()),
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    rename.mutate();
  };
  return (
    <section className="card" aria-labelledby="organisation">
      <h2 id="organisation">Organisation</h2>
      <form onSubmit={submit} className="stack">
        <TextInput
          label="Name of the organisation"
          required
          maxLength={80}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        {rename.isError && <Failed what="It was not renamed" error={rename.error} />}
        <Button type="submit" size="xs" variant="default" loading={rename.isPending}>
          Rename
        </Button>
      </form>
    </section>
  );
}
