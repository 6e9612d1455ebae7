/** The second factor: a code of an app beside the password. Turned on in two steps, so that nobody locks themselves out. */
import { Button, PasswordInput, Text, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { renderSVG } from 'uqr';
import type { Account } from '../../server/api-people.ts';
import { peopleApi, type SecondFactor } from '../api-people.ts';
import { CodeLine } from './copy.tsx';
import { Failed } from './states.tsx';

export function SecondFactorCard({ account }: { account: Account }) {
  const [made, setMade] = useState<SecondFactor>();
  const client = useQueryClient();
  const reload = () => client.invalidateQueries({ queryKey: ['account'] });
  return (
    <section className="card" aria-labelledby="second-factor">
      <h2 id="second-factor">Second factor</h2>
      {made && !account.secondFactor ? (
        <Confirming made={made} onDone={reload} />
      ) : (
        <>
          <Text size="sm" className="people-note">
            {account.secondFactor
              ? 'On: after the password a code of your app is asked for.'
              : 'Off. With it a stolen password is not enough: a code of an app is asked for, too.'}
          </Text>
          {made && <BackupCodes codes={made.backupCodes} />}
          <Turn account={account} onMade={setMade} onOff={reload} />
        </>
      )}
    </section>
  );
}

interface TurnProps {
  readonly account: Account;
  readonly onMade: (made: SecondFactor) => void;
  readonly onOff: () => void;
}

function Turn({ account, onMade, onOff }: TurnProps) {
  const [password, setPassword] = useState('');
  const turn = useMutation({
    mutationFn: async () => {
      if (account.secondFactor) await peopleApi.disableSecondFactor(password);
      else onMade(await peopleApi.enableSecondFactor(password));
    },
    onSuccess: () => {
      setPassword('');
      if (account.secondFactor) onOff();
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    turn.mutate();
  };
  const word = account.secondFactor ? 'Turn off' : 'Set up';
  return (
    <form onSubmit={submit} className="stack">
      {account.hasPassword && (
        <PasswordInput
          label={`Password, to ${word.toLowerCase()} the second factor`}
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
      )}
      {turn.isError && <Failed what="Nothing was changed" error={turn.error} />}
      <Button type="submit" size="xs" variant="default" loading={turn.isPending}>
        {word} the second factor
      </Button>
    </form>
  );
}

function Confirming({ made, onDone }: { made: SecondFactor; onDone: () => void }) {
  const [code, setCode] = useState('');
  const verify = useMutation({
    mutationFn: () => peopleApi.verifyCode(code.trim(), false),
    onSuccess: onDone,
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    verify.mutate();
  };
  const secret = new URL(made.totpURI).searchParams.get('secret') ?? '';
  return (
    <form onSubmit={submit} className="stack">
      <Text size="sm">
        Scan this with an app for codes, or type its key there; then enter the code it shows.
      </Text>
      <img
        className="qr"
        width={180}
        height={180}
        alt="QR code of the key below"
        src={`data:image/svg+xml,${encodeURIComponent(renderSVG(made.totpURI))}`}
      />
      <CodeLine code={secret} label="the key" />
      <TextInput
        label="Code of your app"
        inputMode="numeric"
        autoComplete="one-time-code"
        required
        value={code}
        onChange={(event) => setCode(event.currentTarget.value)}
      />
      <BackupCodes codes={made.backupCodes} />
      {verify.isError && <Failed what="The second factor is not on yet" error={verify.error} />}
      <Button type="submit" size="xs" loading={verify.isPending}>
        Turn it on
      </Button>
    </form>
  );
}

function BackupCodes({ codes }: { codes: readonly string[] }) {
  return (
    <div className="people-note">
      <Text size="sm">
        Keep these backup codes; each logs in once when the app is lost. They are not shown again.
      </Text>
      <CodeLine code={codes.join(' ')} label="the backup codes" />
    </div>
  );
}
