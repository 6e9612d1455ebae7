/** What the app's info endpoint answers at this moment. */
import { Button, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import type { App, InfoTest } from '../../server/api.ts';
import { api } from '../api.ts';
import { count, plural } from '../formats.ts';
import { useMay } from '../may.ts';
import { Value } from './badges.tsx';
import { Failed } from './states.tsx';

export function AppTest({ app }: { app: App }) {
  const test = useMutation({ mutationFn: () => api.test(app.name) });
  const may = useMay('member', app.name);
  return (
    <section className="card" aria-labelledby="test">
      <div className="card-head">
        <h2 id="test">What it answers</h2>
        <Button
          size="xs"
          variant="default"
          loading={test.isPending}
          disabled={!app.url}
          onClick={() => test.mutate()}
          {...may}
        >
          Test
        </Button>
      </div>
      {!app.url && (
        <Text size="sm" c="dimmed">
          This app has no address, so there is nothing to ask. Set its address below.
        </Text>
      )}
      {app.url && test.isIdle && (
        <Text size="sm" c="dimmed">
          Asks the app, with its token, how much work waits, and shows the answer.
        </Text>
      )}
      <div aria-live="polite">
        {test.isError && <Failed what="The test could not be made" error={test.error} />}
        {test.data && <Answer test={test.data} />}
      </div>
    </section>
  );
}

function Answer({ test }: { test: InfoTest }) {
  return (
    <div className="answer" data-ok={test.ok}>
      <p className="answer-head">
        <span className="state" data-tone={test.ok ? 'busy' : 'bad'}>
          <span className="state-mark" aria-hidden>
            {test.ok ? '●' : '■'}
          </span>
          {test.ok ? 'answers' : 'does not answer as it should'}
        </span>
        <span className="quiet">
          {test.status === undefined ? 'no status' : `status ${test.status}`},{' '}
          {count(Math.round(test.milliseconds))} ms
        </span>
      </p>
      <p className="answer-url">{test.url}</p>
      {test.problem && <p className="answer-problem">{test.problem}</p>}
      {test.entries.length > 0 && (
        <table className="entries">
          <caption className="only-read">{plural(test.entries.length, 'process type')}</caption>
          <thead>
            <tr>
              <th scope="col">Process type</th>
              <th scope="col">Jobs</th>
            </tr>
          </thead>
          <tbody>
            {test.entries.map(({ name, value }) => (
              <tr key={name}>
                <td className="cut" title={name}>
                  {name}
                </td>
                <td>
                  <Value text={value === null ? undefined : count(value)} why="The app could not tell." />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}
