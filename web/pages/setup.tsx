/** The first person: opened by the one-time link that the controller prints, `/setup#token=…`. */
import { Button, PasswordInput, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Navigate, useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { api } from '../api.ts';
import { Door } from '../parts/door.tsx';
import { Failed, Loading } from '../parts/states.tsx';
import { queries } from '../queries.ts';

const shortestPassword = 12;

export function SetupPage() {
  const me = useQuery(queries.me());
  // The part behind # is never sent to a server, so it stands in no log on the way.
  const [token] = useState(() => new URLSearchParams(location.hash.slice(1)).get('token') ?? '');
  if (me.isPending) return <Loading what="the set-up" />;
  if (me.isError)
    return (
      <Door title="Set up">
        <Failed what="The set-up could not be opened" error={me.error} retry={() => void me.refetch()} />
      </Door>
    );
  if (!me.data.setUpNeeded) return <Navigate to={me.data.loggedIn ? '/' : '/login'} />;
  return <Door title="Set up Headcount">{token ? <SetupForm token={token} /> : <NoToken />}</Door>;
}

function NoToken() {
  return (
    <div className="stack">
      <Text>This Headcount has no administrator yet.</Text>
      <Text>
        Open the one-time link that the controller printed in its terminal. It looks like{' '}
        <code>…/setup#token=…</code> and proves that you may set it up.
      </Text>
      <Text c="dimmed" size="sm">
        The link is gone? Restart the controller; it prints a link until somebody has used one.
      </Text>
    </div>
  );
}

function SetupForm({ token }: { token: string }) {
  const [name, setName] = useState('');
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const setUp = useSetUp();
  const tooShort = password.length > 0 && password.length < shortestPassword;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (password.length >= shortestPassword) setUp.mutate({ token, name, email, password });
  };
  return (
    <form onSubmit={submit} className="stack">
      <Text c="dimmed" size="sm">
        You become its administrator. Nobody can use this link again.
      </Text>
      <TextInput
        label="Name"
        autoComplete="name"
        required
        autoFocus
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <TextInput
        label="E-mail"
        type="email"
        autoComplete="username"
        required
        value={email}
        onChange={(event) => setEmail(event.currentTarget.value)}
      />
      <PasswordInput
        label="Password"
        description={`At least ${shortestPassword} characters.`}
        autoComplete="new-password"
        required
        value={password}
        error={tooShort ? `${shortestPassword - password.length} more to go.` : undefined}
        onChange={(event) => setPassword(event.currentTarget.value)}
      />
      {setUp.isError && <Failed what="The set-up failed" error={setUp.error} />}
      <Button type="submit" loading={setUp.isPending} fullWidth>
        Create the administrator
      </Button>
    </form>
  );
}

function useSetUp() {
  const client = useQueryClient();
  const navigate = useNavigate();
  return useMutation({
    mutationFn: api.setUp,
    onSuccess: async () => {
      await client.resetQueries();
      await navigate({ to: '/', replace: true });
    },
  });
}
