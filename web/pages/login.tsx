/** Log in with e-mail and password, then go on to where one wanted to be. */
import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRouter, useSearch } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { api } from '../api.ts';
import { Door } from '../parts/door.tsx';
import { Failed } from '../parts/states.tsx';

export function LoginPage() {
  const client = useQueryClient();
  const router = useRouter();
  const { next } = useSearch({ from: '/login' });
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const logIn = useMutation({
    mutationFn: () => api.logIn(email, password),
    onSuccess: async () => {
      await client.resetQueries();
      router.history.push(ownAddress(next));
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    logIn.mutate();
  };
  return (
    <Door title="Log in">
      <form onSubmit={submit} className="stack">
        <TextInput
          label="E-mail"
          type="email"
          autoComplete="username"
          required
          autoFocus
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
        />
        <PasswordInput
          label="Password"
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        {logIn.isError && <Failed what="You are not logged in" error={logIn.error} />}
        <Button type="submit" loading={logIn.isPending} fullWidth>
          Log in
        </Button>
      </form>
    </Door>
  );
}

/** An address of this page only: a link to the login must not be able to lead elsewhere afterwards. */
export function ownAddress(next: string | undefined): string {
  return next && /^\/(?![/\\])/.test(next) ? next : '/';
}
