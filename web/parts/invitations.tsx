/** Invitations: a new one shows its link once; those that are open can be withdrawn. */
import { Button, NativeSelect, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { Organisation, Role } from '../../server/api-people.ts';
import { peopleApi } from '../api-people.ts';
import { prefix } from '../prefix.ts';
import { CodeLine } from './copy.tsx';
import { rolesUpTo } from './members.tsx';
import { Failed } from './states.tsx';
import { Until } from './time.tsx';

export function Invitations({ organisation }: { organisation: Organisation }) {
  const client = useQueryClient();
  const reload = () => client.invalidateQueries({ queryKey: ['invitations'] });
  const open = useQuery({
    queryKey: ['invitations', organisation.id],
    queryFn: ({ signal }) => peopleApi.invitations(organisation.id, signal),
  });
  const withdraw = useMutation({
    mutationFn: (id: string) => peopleApi.withdraw(organisation.id, id),
    onSettled: reload,
  });
  return (
    <section className="card" aria-labelledby="invitations">
      <h2 id="invitations">Invite somebody</h2>
      <InviteForm organisation={organisation} onInvited={reload} />
      {open.isError && <Failed what="The invitations could not be loaded" error={open.error} />}
      {open.data && open.data.length > 0 && (
        <ul className="people-list" aria-label="Open invitations">
          {open.data.map(({ id, email, role, invitedBy, expiresAt }) => (
            <li key={id}>
              <span className="people-who">
                <strong>{email}</strong>
                <span className="quiet">
                  {role}, by {invitedBy}, ends <Until at={expiresAt} />
                </span>
              </span>
              <Button
                size="xs"
                variant="default"
                loading={withdraw.isPending && withdraw.variables === id}
                onClick={() => withdraw.mutate(id)}
              >
                Withdraw<span className="only-read"> the invitation of {email}</span>
              </Button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function InviteForm({ organisation, onInvited }: { organisation: Organisation; onInvited: () => void }) {
  const [email, setEmail] = useState('');
  const [role, setRole] = useState<Role>('member');
  const invite = useMutation({
    mutationFn: () => peopleApi.invite(organisation.id, email, role),
    onSuccess: () => {
      setEmail('');
      onInvited();
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    invite.mutate();
  };
  return (
    <form onSubmit={submit} className="stack">
      <div className="people-fields">
        <TextInput
          label="E-mail"
          type="email"
          required
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
        />
        <NativeSelect
          label="Role"
          data={rolesUpTo(organisation.role)}
          value={role}
          onChange={(event) => setRole(event.currentTarget.value as Role)}
        />
      </div>
      {invite.isError && <Failed what="Nobody was invited" error={invite.error} />}
      {invite.data && (
        <div role="status">
          <Text size="sm">
            {invite.data.mailed
              ? `The link was mailed to ${invite.data.email}. It is also here, once:`
              : `Give this link to ${invite.data.email}. It works once, for 7 days, and is not shown again:`}
          </Text>
          <CodeLine
            code={`${location.origin}${prefix}/join#token=${invite.data.token}`}
            label="the link of the invitation"
          />
        </div>
      )}
      <Button type="submit" size="xs" loading={invite.isPending}>
        Invite
      </Button>
    </form>
  );
}
