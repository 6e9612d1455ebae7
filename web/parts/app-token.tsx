/** The app's token, the command that sets it, and the lines that make the app answer to it. */
import { Button, Group, SegmentedControl, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { App } from '../../server/api.ts';
import { api } from '../api.ts';
import { queries } from '../queries.ts';
import { Confirm } from './confirm.tsx';
import { CodeLine, CopyButton } from './copy.tsx';
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
      <h3>Set it where the app runs</h3>
      <CodeLine
        label="the command for Heroku"
        code={`heroku config:set HIREFIRE_TOKEN=${app.token}`}
        shown={`heroku config:set HIREFIRE_TOKEN=${shown}`}
      />
      <CodeLine
        label="the command for a shell"
        code={`export HEADCOUNT_TOKEN=${app.token}`}
        shown={`export HEADCOUNT_TOKEN=${shown}`}
      />
      <Snippet />
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

const snippets = {
  'node:http': `import { createServer } from 'node:http';
import { createAgent, forNodeHttp } from '@headcount/agent';

const agent = createAgent({ processTypes: { worker: () => queue.length } });
createServer(forNodeHttp(agent, yourListener)).listen(process.env.PORT);`,
  Express: `import { createAgent, forExpress } from '@headcount/agent';

const agent = createAgent({ processTypes: { worker: () => queue.length } });
app.use(forExpress(agent));`,
  Fastify: `import { createAgent, forFastify } from '@headcount/agent';

const agent = createAgent({ processTypes: { worker: () => queue.length } });
await app.register(forFastify(agent));`,
} as const;

function Snippet() {
  const [framework, setFramework] = useState<keyof typeof snippets>('node:http');
  return (
    <>
      <Group justify="space-between" align="end" className="snippet-head">
        <h3>Put the agent into the app</h3>
        <SegmentedControl
          size="xs"
          aria-label="Framework"
          data={Object.keys(snippets)}
          value={framework}
          onChange={(value) => setFramework(value as keyof typeof snippets)}
        />
      </Group>
      <CodeLine label={`the lines for ${framework}`} code={snippets[framework]} />
      <Text size="sm" c="dimmed">
        An app that already speaks HireFire's protocol, in any language, needs nothing but the token. An app
        whose queues a meter reads directly needs neither.
      </Text>
    </>
  );
}
