/** Log in with a password and, where it is set up, a second step; by a passkey; or by the company's own log-in. */
import { Button, PasswordInput, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useRouter, useSearch } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { knowsPasskeys, logInByPasskey, peopleApi } from '../api-people.ts';
import { Door } from '../parts/door.tsx';
import { Failed } from '../parts/states.tsx';
import { prefix } from '../prefix.ts';

type Step = 'password' | 'code' | 'forgotten';

export function LoginPage() {
  const [step, setStep] = useState<Step>('password');
  const enter = useEnter();
  if (step === 'code')
    return (
      <Door title="Second step">
        <CodeForm onDone={enter} />
      </Door>
    );
  if (step === 'forgotten')
    return (
      <Door title="A new password">
        <ForgottenForm onBack={() => setStep('password')} />
      </Door>
    );
  return (
    <Door title="Log in">
      <div className="stack">
        <PasswordForm onDone={enter} onCode={() => setStep('code')} />
        <OtherWays onDone={enter} onForgotten={() => setStep('forgotten')} />
      </div>
    </Door>
  );
}

/** On to where one wanted to be. */
function useEnter(): () => Promise<void> {
  const client = useQueryClient();
  const router = useRouter();
  const { next } = useSearch({ from: '/login' });
  return async () => {
    await client.resetQueries();
    router.history.push(prefix + ownAddress(next));
  };
}

function PasswordForm({ onDone, onCode }: { onDone: () => Promise<void>; onCode: () => void }) {
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const logIn = useMutation({
    mutationFn: () => peopleApi.logIn(email, password),
    onSuccess: async ({ twoFactorRedirect }) => {
      if (twoFactorRedirect) onCode();
      else await onDone();
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    logIn.mutate();
  };
  return (
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
  );
}

function OtherWays({ onDone, onForgotten }: { onDone: () => Promise<void>; onForgotten: () => void }) {
  const { next } = useSearch({ from: '/login' });
  const ways = useQuery({ queryKey: ['log-in'], queryFn: ({ signal }) => peopleApi.ways(signal) });
  const passkey = useMutation({ mutationFn: logInByPasskey, onSuccess: onDone });
  const singleSignOn = useMutation({
    mutationFn: () => peopleApi.singleSignOn(prefix + ownAddress(next)),
    onSuccess: ({ url }) => location.assign(url),
  });
  const failed = new URLSearchParams(location.search).get('error');
  return (
    <div className="stack">
      {ways.data?.singleSignOn && (
        <Button
          variant="default"
          loading={singleSignOn.isPending}
          onClick={() => singleSignOn.mutate()}
          fullWidth
        >
          Log in with {ways.data.singleSignOn}
        </Button>
      )}
      {knowsPasskeys() && (
        <Button variant="default" loading={passkey.isPending} onClick={() => passkey.mutate()} fullWidth>
          Log in with a passkey
        </Button>
      )}
      {passkey.isError && <Failed what="You are not logged in" error={passkey.error} />}
      {singleSignOn.isError && <Failed what="You are not logged in" error={singleSignOn.error} />}
      {failed && (
        <Failed what="You are not logged in" error={new Error(`The provider's answer: ${failed}.`)} />
      )}
      <Button variant="subtle" size="compact-sm" onClick={onForgotten}>
        Forgotten the password?
      </Button>
    </div>
  );
}

function CodeForm({ onDone }: { onDone: () => Promise<void> }) {
  const [code, setCode] = useState('');
  const [isBackup, setBackup] = useState(false);
  const verify = useMutation({
    mutationFn: () => peopleApi.verifyCode(code.trim(), isBackup),
    onSuccess: onDone,
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    verify.mutate();
  };
  return (
    <form onSubmit={submit} className="stack">
      <TextInput
        key={String(isBackup)}
        label={isBackup ? 'Backup code' : 'Code of your app'}
        description={isBackup ? 'Each works once.' : 'Six digits, new every 30 seconds.'}
        inputMode={isBackup ? 'text' : 'numeric'}
        autoComplete="one-time-code"
        required
        autoFocus
        value={code}
        onChange={(event) => setCode(event.currentTarget.value)}
      />
      {verify.isError && <Failed what="You are not logged in" error={verify.error} />}
      <Button type="submit" loading={verify.isPending} fullWidth>
        Log in
      </Button>
      <Button
        variant="subtle"
        size="compact-sm"
        onClick={() => {
          setCode('');
          setBackup(!isBackup);
        }}
      >
        {isBackup ? 'Use the app instead' : 'Use a backup code instead'}
      </Button>
    </form>
  );
}

function ForgottenForm({ onBack }: { onBack: () => void }) {
  const ways = useQuery({ queryKey: ['log-in'], queryFn: ({ signal }) => peopleApi.ways(signal) });
  const [email, setEmail] = useState('');
  const ask = useMutation({ mutationFn: () => peopleApi.askReset(email) });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    ask.mutate();
  };
  return (
    <form onSubmit={submit} className="stack">
      {ways.data?.resetByMail ? (
        <>
          <TextInput
            label="E-mail"
            type="email"
            autoComplete="username"
            required
            autoFocus
            value={email}
            onChange={(event) => setEmail(event.currentTarget.value)}
          />
          {ask.isSuccess && <Text role="status">If there is such an account, a link is on its way.</Text>}
          {ask.isError && <Failed what="Nothing was sent" error={ask.error} />}
          <Button type="submit" loading={ask.isPending} fullWidth>
            Send me a link
          </Button>
        </>
      ) : (
        <Text>
          This Headcount sends no mail. On its machine, <code>headcount reset-password E-MAIL</code> prints a
          link with which you choose a new password.
        </Text>
      )}
      <Button variant="subtle" size="compact-sm" onClick={onBack}>
        Back to the log-in
      </Button>
    </form>
  );
}

/** An address of this page only, without its prefix: a link to the login must not be able to lead elsewhere afterwards. */
export function ownAddress(next: string | undefined): string {
  return next && /^\/(?![/\\])/.test(next) ? next : '/';
}
