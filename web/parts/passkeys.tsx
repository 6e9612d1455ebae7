/** Passkeys: log in by this device's own lock, without a password. */
import { Button, Text, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { Account } from '../../server/api-people.ts';
import { addPasskey, knowsPasskeys, peopleApi } from '../api-people.ts';
import { Failed } from './states.tsx';
import { Ago } from './time.tsx';

export function PasskeyCard({ account }: { account: Account }) {
  const client = useQueryClient();
  const reload = () => client.invalidateQueries({ queryKey: ['account'] });
  const remove = useMutation({ mutationFn: peopleApi.removePasskey, onSuccess: reload });
  return (
    <section className="card" aria-labelledby="passkeys">
      <h2 id="passkeys">Passkeys</h2>
      {account.passkeys.length === 0 ? (
        <Text size="sm" className="people-note">
          None. A passkey logs you in by the lock of your phone, computer or security key.
        </Text>
      ) : (
        <ul className="people-list" aria-label="Passkeys">
          {account.passkeys.map(({ id, name = 'A passkey', createdAt }) => (
            <li key={id}>
              <span className="people-who">
                <strong>{name}</strong>
                {createdAt !== undefined && (
                  <span className="quiet">
                    added <Ago at={createdAt} />
                  </span>
                )}
              </span>
              <Button
                size="xs"
                variant="default"
                className="danger"
                loading={remove.isPending && remove.variables === id}
                onClick={() => remove.mutate(id)}
              >
                Remove<span className="only-read"> {name}</span>
              </Button>
            </li>
          ))}
        </ul>
      )}
      {remove.isError && <Failed what="The passkey was not removed" error={remove.error} />}
      {knowsPasskeys() ? (
        <AddPasskey onAdded={reload} />
      ) : (
        <Text size="sm">Browsers offer passkeys on https and localhost only.</Text>
      )}
    </section>
  );
}

function AddPasskey({ onAdded }: { onAdded: () => void }) {
  const [name, setName] = useState('');
  const add = useMutation({
    mutationFn: () => addPasskey(name || 'This device'),
    onSuccess: () => {
      setName('');
      onAdded();
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    add.mutate();
  };
  return (
    <form onSubmit={submit} className="stack">
      <TextInput
        label="Name of the passkey"
        placeholder="This device"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      {add.isError && <Failed what="No passkey was added" error={add.error} />}
      <Button type="submit" size="xs" variant="default" loading={add.isPending}>
        Add a passkey
      </Button>
    </form>
  );
}
