/** Maintenance: down to 0 and back. It is a hold at 0, so it is recorded and shown as any other. */
import { Button, Text } from '@mantine/core';
import { useState } from 'react';
import type { App, Manager } from '../../server/api.ts';
import { api } from '../api.ts';
import { plural } from '../formats.ts';
import { useMay } from '../may.ts';
import { Confirm } from './confirm.tsx';
import { useChange } from './refresh.ts';
import { Failed } from './states.tsx';

export function inMaintenance({ hold }: Pick<Manager, 'hold'>): boolean {
  return hold?.count === 0;
}

interface MaintenanceProps {
  readonly app: string;
  readonly processTypes: readonly string[];
  readonly opened: boolean;
  readonly onClose: () => void;
}

/** Asks, then takes these down to 0. */
export function Maintenance({ app, processTypes, opened, onClose }: MaintenanceProps) {
  const begin = useChange(app, () =>
    Promise.all(processTypes.map((processType) => api.hold(app, processType, { count: 0 }))),
  );
  const [only] = processTypes;
  const what = processTypes.length === 1 && only ? only : `all of ${app}`;
  return (
    <Confirm
      opened={opened}
      onClose={onClose}
      title={`Take ${what} down?`}
      yes="Down to 0"
      pending={begin.isPending}
      onYes={() => begin.mutate(undefined, { onSuccess: onClose })}
    >
      <Text size="sm">
        {processTypes.join(', ')}: held at 0 until the maintenance is ended by hand. Work that comes meanwhile
        waits; measuring and recording go on. What answers requests stops answering.
      </Text>
      {begin.isError && <Failed what="Not everything is held" error={begin.error} />}
    </Confirm>
  );
}

/** The same for every manager of an app; ending it ends only the holds at 0. */
export function AppMaintenance({ app }: { app: App }) {
  const may = useMay('member', app.name);
  const [asking, setAsking] = useState(false);
  const down = app.managers.filter(inMaintenance);
  const end = useChange(app.name, () =>
    Promise.all(down.map(({ processType }) => api.release(app.name, processType))),
  );
  if (app.managers.length === 0) return null;
  return (
    <>
      {down.length > 0 ? (
        <Button
          size="xs"
          variant="default"
          loading={end.isPending}
          onClick={() => end.mutate(undefined)}
          {...may}
        >
          End the maintenance of {plural(down.length, 'process type')}
        </Button>
      ) : (
        <Button size="xs" variant="default" onClick={() => setAsking(true)} {...may}>
          Maintenance…
        </Button>
      )}
      {end.isError && <Failed what="The maintenance was not ended" error={end.error} />}
      <Maintenance
        app={app.name}
        processTypes={app.managers.map(({ processType }) => processType)}
        opened={asking}
        onClose={() => setAsking(false)}
      />
    </>
  );
}
