/** Keys of programs: made with a role and an end, shown once, revoked. */
import { Button, NativeSelect, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { ApiKey, Organisation, Role } from '../../server/api-people.ts';
import { peopleApi } from '../api-people.ts';
import { CodeLine } from './copy.tsx';
import { rolesUpTo } from './members.tsx';
import { Failed, Loading } from './states.tsx';
import { Ago, Until } from './time.tsx';

export function Keys({ organisation }: { organisation: Organisation }) {
  const client = useQueryClient();
  const reload = () => client.invalidateQueries({ queryKey: ['keys'] });
  const keys = useQuery({
    queryKey: ['keys', organisation.id],
    queryFn: ({ signal }) => peopleApi.keys(organisation.id, signal),
  });
  return (
    <div className="people-cards">
      <section className="card" aria-labelledby="keys">
        <h2 id="keys">API keys</h2>
        {keys.isPending && <Loading what="keys" />}
        {keys.isError && <Failed what="The keys could not be loaded" error={keys.error} />}
        {keys.data?.length === 0 && <Text size="sm">There is none yet.</Text>}
        <ul className="people-list" aria-label="API keys">
          {keys.data?.map((key) => (
            <KeyRow key={key.id} organisation={organisation} apiKey={key} onRevoked={reload} />
          ))}
        </ul>
      </section>
      <NewKeyCard organisation={organisation} onMade={reload} />
    </div>
  );
}

interface KeyRowProps {
  readonly organisation: Organisation;
  readonly apiKey: ApiKey;
  readonly onRevoked: () => void;
}

function KeyRow({ organisation, apiKey, onRevoked }: KeyRowProps) {
  const { id, name, start, role, by, usedAt, expiresAt } = apiKey;
  const revoke = useMutation({
    mutationFn: () => peopleApi.revokeKey(organisation.id, id),
    onSuccess: onRevoked,
  });
  return (
    <li>
      <span className="people-who">
        <strong>
          {name} <code>{start}…</code>
        </strong>
        <span className="quiet">
          {role}, made by {by},{' '}
          {usedAt === undefined ? (
            'never used'
          ) : (
            <>
              used <Ago at={usedAt} />
            </>
          )}
          {expiresAt !== undefined && (
            <>
              , ends <Until at={expiresAt} />
            </>
          )}
        </span>
      </span>
      <Button
        size="xs"
        variant="default"
        className="danger"
        loading={revoke.isPending}
        onClick={() => revoke.mutate()}
      >
        Revoke<span className="only-read"> {name}</span>
      </Button>
      {revoke.isError && <Failed what="The key was not revoked" error={revoke.error} />}
    </li>
  );
}

function NewKeyCard({ organisation, onMade }: { organisation: Organisation; onMade: () => void }) {
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('read-only');
  const [days, setDays] = useState('90');
  const make = useMutation({
    mutationFn: () =>
      peopleApi.createKey(organisation.id, { name, role, ...(days && { expiresInDays: Number(days) }) }),
    onSuccess: () => {
      setName('');
      onMade();
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    make.mutate();
  };
  const ends = [
    { value: '30', label: 'in 30 days' },
    { value: '90', label: 'in 90 days' },
    { value: '365', label: 'in a year' },
    { value: '', label: 'never' },
  ];
  return (
    <section className="card" aria-labelledby="new-key">
      <h2 id="new-key">A new key</h2>
      <form onSubmit={submit} className="stack">
        <TextInput
          label="Name of the key"
          description="What it is for."
          required
          maxLength={32}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <div className="people-fields">
          <NativeSelect
            label="Role"
            data={rolesUpTo(organisation.role)}
            value={role}
            onChange={(event) => setRole(event.currentTarget.value as Role)}
          />
          <NativeSelect
            label="Ends"
            data={ends}
            value={days}
            onChange={(event) => setDays(event.currentTarget.value)}
          />
        </div>
        {make.isError && <Failed what="No key was made" error={make.error} />}
        {make.data && (
          <div role="status">
            <Text size="sm">Copy the key now; it is not shown again.</Text>
            <CodeLine code={make.data.secret} label="the key" />
          </div>
        )}
        <Button type="submit" size="xs" loading={make.isPending}>
          Make a key
        </Button>
      </form>
    </section>
  );
}
