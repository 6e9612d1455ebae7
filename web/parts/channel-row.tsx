/**
 * One channel: what it tells, how its last message went, and a test of it. The test's answer stays beside its button until
 * the next one; the state of the last message is what the controller knows of since its start.
 */
import { Button, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { Adapters } from '../../server/api.ts';
import type { Channel, Tells } from '../../server/api-issues.ts';
import { api } from '../api.ts';
import { seconds } from '../formats.ts';
import { useMay } from '../may.ts';
import { queries } from '../queries.ts';
import { Confirm } from './confirm.tsx';
import { Failed } from './states.tsx';
import { Ago } from './time.tsx';

interface ChannelRowProps {
  readonly channel: Channel;
  readonly adapters: Adapters | undefined;
  readonly onEdit: () => void;
}

export function ChannelRow({ channel, adapters, onEdit }: ChannelRowProps) {
  const [removing, setRemoving] = useState(false);
  const may = useMay('admin');
  const client = useQueryClient();
  const test = useMutation({
    mutationFn: () => api.testChannel(channel.id),
    onSettled: () => client.invalidateQueries(queries.channels()),
  });
  const kind = adapters?.notifiers.find(({ use }) => use === channel.notifier.use);
  const named = <span className="only-read"> {channel.name}</span>;
  return (
    <li className="card channel">
      <header className="channel-head">
        <div className="channel-name">
          <h2 className="cut" title={channel.name}>
            {channel.name}
          </h2>
          <span className="quiet">{kind?.title ?? channel.notifier.use}</span>
        </div>
        <div className="channel-actions">
          <Button size="xs" variant="default" loading={test.isPending} onClick={() => test.mutate()} {...may}>
            Test{named}
          </Button>
          <Button size="xs" variant="default" disabled={!adapters} onClick={onEdit} {...may}>
            Edit{named}
          </Button>
          <Button size="xs" variant="default" className="danger" onClick={() => setRemoving(true)} {...may}>
            Remove…{named}
          </Button>
        </div>
      </header>
      <ul className="channel-tells">
        {tellsText(channel.tells).map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
      <Sent sent={channel.sent} />
      <div aria-live="polite">
        {test.isSuccess && <p className="channel-test">The test was taken. Look whether it arrived.</p>}
        {test.isError && <Failed what="The test was not sent" error={test.error} />}
      </div>
      <RemoveChannel channel={channel} opened={removing} onClose={() => setRemoving(false)} />
    </li>
  );
}

function Sent({ sent }: Pick<Channel, 'sent'>) {
  if (!sent) return <p className="quiet">No message since the controller started.</p>;
  if (sent.error === undefined)
    return (
      <p className="quiet">
        Last message sent <Ago at={sent.at} />.
      </p>
    );
  return (
    <p className="channel-error">
      Last message failed <Ago at={sent.at} />: {sent.error}
    </p>
  );
}

/** What a channel tells, in words. */
export function tellsText(tells: Tells): string[] {
  const { opened, resolved, scaled, leastSeverity, apps, groupSeconds, quiet } = tells;
  const issues = [opened && 'opened', resolved && 'resolved'].filter(Boolean).join(' and ');
  const least = { critical: 'critical only', warning: 'warnings and critical', info: 'of every severity' };
  return [
    ...(issues ? [`Issues ${issues}: ${least[leastSeverity]}`] : []),
    ...(scaled ? ['Every change of a number'] : []),
    ...(issues || scaled ? [] : ['Nothing: every kind of news is off']),
    apps ? `Of ${apps.length === 0 ? 'no app' : apps.join(', ')}` : 'Of all apps',
    groupSeconds > 0 ? `Grouped over ${seconds(groupSeconds)}` : 'Each by itself',
    ...(quiet ? [`Quiet from ${quiet.from} to ${quiet.to}, ${quiet.timeZone}: critical only`] : []),
  ];
}

interface RemoveProps {
  readonly channel: Channel;
  readonly opened: boolean;
  readonly onClose: () => void;
}

function RemoveChannel({ channel, opened, onClose }: RemoveProps) {
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => api.removeChannel(channel.id),
    onSuccess: () => client.invalidateQueries(queries.channels()),
  });
  return (
    <Confirm
      opened={opened}
      onClose={onClose}
      title={`Remove ${channel.name}?`}
      yes="Remove the channel"
      pending={remove.isPending}
      onYes={() => remove.mutate()}
    >
      <Text size="sm">Nobody is told by it any more. What waits to be sent is dropped.</Text>
      {remove.isError && <Failed what="The channel was not removed" error={remove.error} />}
    </Confirm>
  );
}
