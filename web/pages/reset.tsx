/** A new password, by the link of a mail or of `headcount reset-password`: `/reset#token=…`. */
import { Button, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { peopleApi } from '../api-people.ts';
import { Door } from '../parts/door.tsx';
import { NewPassword, shortestPassword } from '../parts/new-password.tsx';
import { Failed } from '../parts/states.tsx';

export function ResetPage() {
  const [token] = useState(() => new URLSearchParams(location.hash.slice(1)).get('token') ?? '');
  const [password, setPassword] = useState('');
  const reset = useMutation({ mutationFn: () => peopleApi.reset(token, password) });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (password.length >= shortestPassword) reset.mutate();
  };
  return (
    <Door title="Choose a new password">
      {reset.isSuccess ? (
        <Text role="status">
          It is changed, and every session has ended. <Link to="/login">Log in</Link>
        </Text>
      ) : (
        <form onSubmit={submit} className="stack">
          <NewPassword value={password} onChange={setPassword} />
          {reset.isError && <Failed what="The password was not changed" error={reset.error} />}
          <Button type="submit" loading={reset.isPending} fullWidth>
            Set the password
          </Button>
        </form>
      )}
    </Door>
  );
}
