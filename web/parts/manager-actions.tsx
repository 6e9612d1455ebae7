/** Overruling a manager: a number now, a hold, maintenance, pause; and what it would decide now. */
import { Button } from '@mantine/core';
import { useState } from 'react';
import type { Hold, Manager } from '../../server/api.ts';
import { api } from '../api.ts';
import { type May, useMay } from '../may.ts';
import { EvaluationPanel } from './evaluation.tsx';
import { HoldForm, type HoldKind } from './hold-form.tsx';
import { inMaintenance, Maintenance } from './maintenance.tsx';
import { useChange } from './refresh.ts';
import { Failed } from './states.tsx';

interface ActionsProps {
  readonly app: string;
  readonly manager: Manager;
}

type Dialog = HoldKind | 'maintenance' | 'evaluation';

export function ManagerActions({ app, manager }: ActionsProps) {
  const { processType } = manager;
  const [dialog, setDialog] = useState<Dialog>();
  const may = useMay('member', app);
  const close = (): void => setDialog(undefined);
  const pause = useChange(app, () => api.changeManager(app, processType, { paused: !manager.paused }));
  const dryRun = useChange(app, () => api.changeManager(app, processType, { dryRun: !manager.dryRun }));
  const release = useChange(app, () => api.release(app, processType));
  const failed = pause.error ?? dryRun.error ?? release.error;
  return (
    <>
      <Action may={may} onClick={() => setDialog('evaluation')}>
        Evaluate now
      </Action>
      {manager.hold ? (
        <Action may={may} pending={release.isPending} onClick={() => release.mutate(undefined)}>
          {inMaintenance(manager) ? 'End the maintenance' : 'End the hold'}
        </Action>
      ) : (
        <>
          <Action may={may} onClick={() => setDialog('now')}>
            Scale now…
          </Action>
          <Action may={may} onClick={() => setDialog('hold')}>
            Hold…
          </Action>
          <Action may={may} onClick={() => setDialog('maintenance')}>
            Maintenance…
          </Action>
        </>
      )}
      <Action may={may} pending={dryRun.isPending} onClick={() => dryRun.mutate(undefined)}>
        {manager.dryRun ? 'Go live' : 'Dry run'}
      </Action>
      <Action may={may} pending={pause.isPending} onClick={() => pause.mutate(undefined)}>
        {manager.paused ? 'Resume' : 'Pause'}
      </Action>
      {failed && <Failed what="This was not changed" error={failed} />}
      {(dialog === 'hold' || dialog === 'now') && (
        <HoldDialog app={app} manager={manager} kind={dialog} onClose={close} />
      )}
      <Maintenance app={app} processTypes={[processType]} opened={dialog === 'maintenance'} onClose={close} />
      {dialog === 'evaluation' && <EvaluationPanel app={app} processType={processType} onClose={close} />}
    </>
  );
}

interface ActionProps {
  readonly onClick: () => void;
  readonly pending?: boolean;
  readonly may: May;
  readonly children: string;
}

function Action({ onClick, pending = false, may, children }: ActionProps) {
  return (
    <Button size="xs" variant="default" loading={pending} onClick={onClick} {...may}>
      {children}
    </Button>
  );
}

function HoldDialog(props: ActionsProps & { readonly kind: HoldKind; readonly onClose: () => void }) {
  const { app, manager, kind, onClose } = props;
  const hold = useChange(app, (value: Hold) => api.hold(app, manager.processType, value));
  return (
    <HoldForm
      manager={manager}
      kind={kind}
      opened
      onClose={onClose}
      pending={hold.isPending}
      error={hold.error}
      onHold={(value) => hold.mutate(value, { onSuccess: onClose })}
    />
  );
}
