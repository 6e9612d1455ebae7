/** The app's token: shown on request, copied, renewed. How to set it stands in app-setup.tsx. */
import { Button, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { App } from '../../server/api.ts';
import { api } from '../api.ts';
import { queries } from '../queries.ts';
import { Confirm } from './confirm.tsx';
import { CopyButton } from './copy.tsx';
import { Failed } from './states.tsx';

export function AppToken({ app }: { app: App }) {
  const [revealed, setRevealed] = useState(false);
  const shown = revealed ? app.token : masked(app.token);
  return (
    <section className="card" aria-labelledby="token">
      <h2 id="token">Token</h2>
      <Text size="sm" c="dimmed">
        The app answers only to whoever knows it. Keep it in the app's environment, not in its code.
      </Text>
      <div className="token">
        <code className="cut" data-testid="token">
          {shown}
        </code>
        <Button size="xs" variant="default" aria-pressed={revealed} onClick={() => setRevealed(!revealed)}>
          {revealed ? 'Hide' : 'Reveal'}
        </Button>
        <CopyButton text={app.token} label="Copy the token" />
        <NewToken app={app.name} />
      </div>
    </section>
  );
}

function masked(token: string): string {
  return `••••••••${token.slice(-4)}`;
}

function NewToken({ app }: { app: string }) {
  const [asking, setAsking] = useState(false);
  const client = useQueryClient();
  const renew = useMutation({
    mutationFn: () => api.newToken(app),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: queries.app(app).queryKey });
      setAsking(false);
    },
  });
  return (
    <>
      <Button size="xs" variant="subtle" color="gray" onClick={() => setAsking(true)}>
        New token…
      </Button>
      <Confirm
        opened={asking}
        onClose={() => setAsking(false)}
        title="Make a new token?"
        yes="Make a new token"
        pending={renew.isPending}
        onYes={() => renew.mutate()}
      >
        <Text size="sm">
          The old one stops working at once. Until the new one is set in the app's environment, its readings
          are unknown and the number of workers does not fall.
        </Text>
        {renew.isError && <Failed what="The token was not changed" error={renew.error} />}
      </Confirm>
    </>
  );
}
