/** An invitation, opened by its link `/join#token=…`: for a new account, or for who is there already. */
import { Button, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import type { InvitationLook } from '../../server/api-people.ts';
import { peopleApi } from '../api-people.ts';
import { Door } from '../parts/door.tsx';
import { NewPassword, shortestPassword } from '../parts/new-password.tsx';
import { Failed, Loading } from '../parts/states.tsx';
import { queries } from '../queries.ts';

export function JoinPage() {
  const [token] = useState(() => new URLSearchParams(location.hash.slice(1)).get('token') ?? '');
  const me = useQuery(queries.me());
  const look = useQuery({
    queryKey: ['invitation', token],
    queryFn: () => peopleApi.lookInvitation(token),
    retry: false,
  });
  return (
    <Door title="You are invited">
      {look.isPending && <Loading what="the invitation" />}
      {look.isError && <Failed what="The invitation cannot be opened" error={look.error} />}
      {look.data && (
        <div className="stack">
          <Text>
            You are invited to <strong>{look.data.organisation}</strong> as {look.data.role}, under{' '}
            {look.data.email}.
          </Text>
          {me.data?.loggedIn || look.data.hasAccount ? (
            <Known token={token} look={look.data} loggedIn={me.data?.loggedIn === true} />
          ) : (
            <NewAccount token={token} />
          )}
        </div>
      )}
    </Door>
  );
}

function useAccept() {
  const client = useQueryClient();
  const navigate = useNavigate();
  return useMutation({
    mutationFn: peopleApi.accept,
    onSuccess: async () => {
      await client.resetQueries();
      await navigate({ to: '/', replace: true });
    },
  });
}

function Known({ token, look, loggedIn }: { token: string; look: InvitationLook; loggedIn: boolean }) {
  const accept = useAccept();
  if (!loggedIn)
    return (
      <Text>
        You have an account: <Link to="/login">log in</Link> as {look.email}, then open the link again.
      </Text>
    );
  return (
    <>
      {accept.isError && <Failed what="The invitation was not accepted" error={accept.error} />}
      <Button loading={accept.isPending} onClick={() => accept.mutate({ token })} fullWidth>
        Join
      </Button>
    </>
  );
}

function NewAccount({ token }: { token: string }) {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const accept = useAccept();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (password.length >= shortestPassword) accept.mutate({ token, name, password });
  };
  return (
    <form onSubmit={submit} className="stack">
      <TextInput
        label="Name"
        autoComplete="name"
        required
        autoFocus
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <NewPassword label="Password" value={password} onChange={setPassword} />
      {accept.isError && <Failed what="The invitation was not accepted" error={accept.error} />}
      <Button type="submit" loading={accept.isPending} fullWidth>
        Create my account
      </Button>
    </form>
  );
}
