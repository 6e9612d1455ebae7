/**
 * A channel's form: its name, by what it sends (drawn from what the notifiers say of their options), and of what it tells.
 * It is saved as a whole: unlike a manager's settings, two people seldom change one channel at once.
 */
import { Button, Group, Modal, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { Adapter, Choice } from '../../server/api.ts';
import type { Channel, ChannelSettings, Tells } from '../../server/api-issues.ts';
import { api } from '../api.ts';
import { hasProblem } from '../option-values.ts';
import { queries } from '../queries.ts';
import { AdapterForm } from './adapter-form.tsx';
import { Failed } from './states.tsx';
import { problemWithTells, TellsForm } from './tells-form.tsx';

interface ChannelDialogProps {
  /** Absent: a new one. */
  readonly channel: Channel | undefined;
  readonly notifiers: readonly Adapter[];
  readonly onClose: () => void;
}

export function ChannelDialog(props: ChannelDialogProps) {
  const { channel, onClose } = props;
  return (
    <Modal opened onClose={onClose} title={channel ? `Edit ${channel.name}` : 'Add a channel'} size="lg">
      <ChannelForm {...props} />
    </Modal>
  );
}

const usual: Tells = {
  opened: true,
  resolved: true,
  scaled: false,
  leastSeverity: 'warning',
  groupSeconds: 30,
};

function ChannelForm({ channel, notifiers, onClose }: ChannelDialogProps) {
  const [name, setName] = useState(channel?.name ?? '');
  const [notifier, setNotifier] = useState<Choice | undefined>(channel?.notifier);
  const [tells, setTells] = useState<Tells>(channel?.tells ?? usual);
  const save = useSave(channel, onClose);
  const problem = problemOf(name, notifier, tells, notifiers);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (notifier && !problem) save.mutate({ name: name.trim(), notifier, tells });
  };
  return (
    <form onSubmit={submit} className="stack" noValidate>
      <TextInput
        label="Name"
        description="As people know it: On call, Team chat."
        data-autofocus
        required
        maxLength={80}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <AdapterForm
        label="Sends by"
        help="How the message gets there."
        adapters={notifiers}
        value={notifier}
        onChange={setNotifier}
        strict={channel !== undefined}
      />
      <TellsForm value={tells} onChange={setTells} />
      {save.isError && <Failed what="The channel was not saved" error={save.error} />}
      <Group>
        <Button type="submit" disabled={problem !== undefined} loading={save.isPending}>
          Save
        </Button>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <span className="save-word" role="status">
          {problem ?? ''}
        </span>
      </Group>
    </form>
  );
}

function problemOf(
  name: string,
  notifier: Choice | undefined,
  tells: Tells,
  notifiers: readonly Adapter[],
): string | undefined {
  if (name.trim() === '') return 'It needs a name.';
  if (!notifier) return 'Choose by what it sends.';
  if (hasProblem([notifier], notifiers)) return 'A field needs another value.';
  return problemWithTells(tells);
}

function useSave(channel: Channel | undefined, onClose: () => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (settings: ChannelSettings) =>
      channel ? api.changeChannel(channel.id, settings) : api.createChannel(settings),
    onSuccess: async () => {
      await client.invalidateQueries(queries.channels());
      onClose();
    },
  });
}
