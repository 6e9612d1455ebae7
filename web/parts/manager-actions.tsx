/** Overruling a manager: pause, hold, and what it would decide now. */
import { Button } from '@mantine/core';
import { type UseMutationResult, useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { Hold, Manager } from '../../server/api.ts';
import { api } from '../api.ts';
import { queries } from '../queries.ts';
import { EvaluationPanel } from './evaluation.tsx';
import { HoldForm } from './hold-form.tsx';
import { Failed } from './states.tsx';

interface ActionsProps {
  readonly app: string;
  readonly manager: Manager;
}

export function ManagerActions({ app, manager }: ActionsProps) {
  const { processType } = manager;
  const [holding, setHolding] = useState(false);
  const [looking, setLooking] = useState(false);
  const pause = useChange(app, processType, () =>
    api.changeManager(app, processType, { paused: !manager.paused }),
  );
  const hold = useChange(app, processType, (value: Hold) => api.hold(app, processType, value));
  const release = useChange(app, processType, () => api.release(app, processType));
  const failed = pause.error ?? release.error;
  return (
    <>
      <Button size="xs" variant="default" onClick={() => setLooking(true)}>
        Evaluate now
      </Button>
      {manager.hold ? (
        <Button
          size="xs"
          variant="default"
          loading={release.isPending}
          onClick={() => release.mutate(undefined)}
        >
          End the hold
        </Button>
      ) : (
        <Button size="xs" variant="default" onClick={() => setHolding(true)}>
          Hold…
        </Button>
      )}
      <Button size="xs" variant="default" loading={pause.isPending} onClick={() => pause.mutate(undefined)}>
        {manager.paused ? 'Resume' : 'Pause'}
      </Button>
      {failed && <Failed what="This was not changed" error={failed} />}
      {holding && (
        <HoldForm
          manager={manager}
          opened
          onClose={() => setHolding(false)}
          pending={hold.isPending}
          error={hold.error}
          onHold={(value) => hold.mutate(value, { onSuccess: () => setHolding(false) })}
        />
      )}
      {looking && <EvaluationPanel app={app} processType={processType} onClose={() => setLooking(false)} />}
    </>
  );
}

/** After the change, everything that shows this manager is asked for anew. */
function useChange<Input>(
  app: string,
  processType: string,
  change: (input: Input) => Promise<unknown>,
): UseMutationResult<unknown, Error, Input> {
  const client = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () =>
      Promise.all(
        [queries.manager(app, processType), queries.app(app), queries.apps()].map(({ queryKey }) =>
          client.invalidateQueries({ queryKey }),
        ),
      ),
  });
}
