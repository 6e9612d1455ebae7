/** Another password. */
import { Button, PasswordInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { peopleApi } from '../api-people.ts';
import { NewPassword, shortestPassword } from './new-password.tsx';
import { Failed } from './states.tsx';

export function PasswordCard() {
  const client = useQueryClient();
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const change = useMutation({
    mutationFn: () => peopleApi.changePassword(current, next),
    onSuccess: async () => {
      setCurrent('');
      setNext('');
      await client.invalidateQueries({ queryKey: ['sessions'] });
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (next.length >= shortestPassword) change.mutate();
  };
  return (
    <section className="card" aria-labelledby="password">
      <h2 id="password">Password</h2>
      <form onSubmit={submit} className="stack">
        <PasswordInput
          label="Current password"
          autoComplete="current-password"
          required
          value={current}
          onChange={(event) => setCurrent(event.currentTarget.value)}
        />
        <NewPassword value={next} onChange={setNext} />
        {change.isError && <Failed what="The password was not changed" error={change.error} />}
        {change.isSuccess && <p role="status">It is changed. Your other sessions have ended.</p>}
        <Button type="submit" size="xs" loading={change.isPending}>
          Change the password
        </Button>
      </form>
    </section>
  );
}
