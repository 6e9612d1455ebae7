/** Asks whether a failed task is to be sent again, sends it, and says why not where it was refused. */
import { Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import type { SentAgain, TaskFailure } from '../../server/api-tasks.ts';
import { api } from '../api.ts';
import { Confirm } from './confirm.tsx';
import { Failed } from './states.tsx';

interface SendAgainProps {
  readonly app: string;
  /** Absent: nothing is asked. */
  readonly failure: TaskFailure | undefined;
  readonly onSent: (failure: TaskFailure, sent: SentAgain) => void;
  readonly onClose: () => void;
}

export function SendAgain({ app, failure, onSent, onClose }: SendAgainProps) {
  const send = useMutation({
    mutationFn: ({ id }: TaskFailure) => api.sendTaskAgain(app, id),
    onSuccess: (sent, sentFor) => onSent(sentFor, sent),
  });
  return (
    <Confirm
      opened={failure !== undefined}
      onClose={() => {
        send.reset();
        onClose();
      }}
      title={`Send ${failure?.task ?? 'it'} again?`}
      yes="Send it again"
      pending={send.isPending}
      onYes={() => failure !== undefined && send.mutate(failure)}
    >
      <Text size="sm">
        It goes to its queue once more, with the same arguments and a new id, and a worker does all of it
        again: also what it had done before it failed.
      </Text>
      <Text size="sm" c="dimmed">
        It goes alone. What was to follow it in a chain, a chord or a callback does not follow.
      </Text>
      {send.isError && <Failed what="It was not sent again" error={send.error} />}
    </Confirm>
  );
}
