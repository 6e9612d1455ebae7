/** How to make the app speak to this controller: the commands, the lines for its framework, and whether it was heard. */
import { SegmentedControl, Select, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { App } from '../../server/api.ts';
import type { Measure, SetupGuide } from '../../server/setup-guide.ts';
import { now } from '../api.ts';
import { plural, relative } from '../formats.ts';
import { queries } from '../queries.ts';
import { CodeLine } from './copy.tsx';
import { Failed, Loading } from './states.tsx';

const measures: readonly { value: Measure; label: string }[] = [
  { value: 'jobs', label: 'Jobs that wait' },
  { value: 'latency', label: 'How long they wait' },
  { value: 'requests', label: 'Requests' },
];

export function AppSetup({ app }: { app: App }) {
  const types = [...new Set([...app.managers.map(({ processType }) => processType), 'worker', 'web'])];
  const [type, setType] = useState(types.find((each) => each !== 'web') ?? 'worker');
  const [measure, setMeasure] = useState<Measure>('jobs');
  const guide = useQuery(queries.setupGuide(app.name, type, measure));
  return (
    <section className="card" aria-labelledby="setup">
      <h2 id="setup">Set-up</h2>
      <Text size="sm" c="dimmed">
        Set the token where the app runs, add the lines for its framework, deploy, and test. The same in a
        terminal: headcount setup.
      </Text>
      <div className="setup-choices">
        <Select
          size="xs"
          label="Process type"
          data={types}
          value={type}
          allowDeselect={false}
          onChange={(value) => value && setType(value)}
        />
        <SegmentedControl
          size="xs"
          aria-label="What is measured"
          data={[...measures]}
          value={measure}
          onChange={(value) => setMeasure(value as Measure)}
        />
      </div>
      {guide.isPending && <Loading what="the guide" />}
      {guide.isError && (
        <Failed what="The guide could not be loaded" error={guide.error} retry={() => void guide.refetch()} />
      )}
      {guide.data && <Guide guide={guide.data} token={app.token} />}
      <Heard app={app.name} />
    </section>
  );
}

function Guide({ guide, token }: { guide: SetupGuide; token: string }) {
  const masked = (text: string): string => text.replaceAll(token, `••••••••${token.slice(-4)}`);
  return (
    <>
      {guide.commands.map(({ title, text, why }) => (
        <div key={title} className="setup-command">
          <h3>{title}</h3>
          <CodeLine label={`the command for ${title}`} code={text} shown={masked(text)} />
          <Text size="xs" c="dimmed">
            {why}
          </Text>
        </div>
      ))}
      {guide.warning && <p className="setup-warning">{guide.warning}.</p>}
      <Library libraries={guide.libraries} />
    </>
  );
}

function Library({ libraries }: Pick<SetupGuide, 'libraries'>) {
  const [framework, setFramework] = useState(libraries[0]?.framework ?? '');
  const library = libraries.find((each) => each.framework === framework) ?? libraries[0];
  if (!library) return null;
  return (
    <>
      <Select
        size="xs"
        label="Framework"
        className="setup-framework"
        data={libraries.map((each) => ({ value: each.framework, label: each.title }))}
        value={library.framework}
        allowDeselect={false}
        onChange={(value) => value && setFramework(value)}
      />
      <CodeLine label="the command that installs it" code={library.install} />
      <Text size="xs" c="dimmed">
        {library.file}
      </Text>
      <CodeLine label={`the lines for ${library.title}`} code={library.code} />
    </>
  );
}

/** What the app pushes by itself; what it answers when it is asked has a card of its own. */
function Heard({ app }: { app: string }) {
  const inbox = useQuery(queries.inbox(app));
  const heard = inbox.data?.heard ?? [];
  return (
    <div aria-live="polite">
      <h3>Does it push?</h3>
      {inbox.isError && <Failed what="What it pushes is not known" error={inbox.error} />}
      {inbox.data && heard.length === 0 && (
        <Text size="sm" c="dimmed">
          Nothing was heard yet. An app that is only asked does not push: test it under “What it answers”.
        </Text>
      )}
      <ul className="setup-heard">
        {heard.map(({ dialect, agent, at, count: pushes }) => (
          <li key={dialect}>
            {agent ?? dialect}, {plural(pushes, 'time')}, the last one {relative(at, now())}
          </li>
        ))}
      </ul>
    </div>
  );
}
