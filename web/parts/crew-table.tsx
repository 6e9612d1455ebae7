/** The workers of one process type, a line each; on a narrow screen a line is a card with its labels. */
import { Button, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { CrewType, CrewWorker } from '../../server/api-workers.ts';
import { api } from '../api.ts';
import { count, plural } from '../formats.ts';
import type { State } from '../manager-state.ts';
import { type May, useMay } from '../may.ts';
import { queries } from '../queries.ts';
import { StateBadge, Value } from './badges.tsx';
import { Confirm } from './confirm.tsx';
import { Failed } from './states.tsx';
import { Ago } from './time.tsx';

interface CrewTableProps {
  readonly app: string;
  readonly type: CrewType;
  readonly letsGo: boolean;
}

export function CrewTable({ app, type, letsGo }: CrewTableProps) {
  const { processType, workers, others, jobs } = type;
  const [going, setGoing] = useState<string>();
  const may = useMay('member', app);
  return (
    <section className="card listed" aria-labelledby={`crew-${processType}`}>
      <header className="crew-head">
        <h2 id={`crew-${processType}`} className="cut">
          <Link to="/apps/$app/$processType" params={{ app, processType }} title={processType}>
            {processType}
          </Link>
        </h2>
        <span className="quiet">
          <Headline type={type} />
        </span>
      </header>
      {type.unknown !== undefined && (
        <p className="notice" data-tone="unknown">
          <b>Unknown.</b> {type.unknown}
          {type.countedAt !== undefined && '. What stands here is from before.'}
        </p>
      )}
      {workers.length > 0 && (
        <table className="tasks crew">
          <thead>
            <tr>
              <th scope="col">Worker</th>
              <th scope="col">State</th>
              <th scope="col">Since</th>
              <th scope="col">Jobs</th>
              {letsGo && (
                <th scope="col">
                  <span className="only-read">Let go</span>
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {workers.map((worker) => (
              <Row key={worker.name} worker={worker} may={may} onGo={letsGo ? setGoing : undefined} />
            ))}
          </tbody>
        </table>
      )}
      {others.length > 0 && (
        <p className="tasks-note">
          Also listening, and no process of this fleet:{' '}
          {others.map(({ name, jobs: held }) => `${name} (${plural(held, 'job')})`).join(', ')}.
        </p>
      )}
      {workers.length > 0 && <p className="tasks-note">{knownJobs[jobs]}</p>}
      <LetGo app={app} worker={going} onClose={() => setGoing(undefined)} />
    </section>
  );
}

const knownJobs: Readonly<Record<CrewType['jobs'], string>> = {
  told: 'The workers say themselves how many jobs they have in hand.',
  silent: 'Some workers did not answer: of them nobody knows the jobs.',
  unasked: 'No meter of this manager can ask the workers for their jobs.',
};

function Headline({ type: { workers, desired, countedAt } }: { type: CrewType }) {
  if (countedAt === undefined) return <>not counted yet</>;
  const staying = workers.filter(({ state }) => state !== 'stopping').length;
  const wanted = desired === undefined || desired === staying ? '' : `, ${count(desired)} wanted`;
  return (
    <>
      {workers.length === 0 ? 'nobody runs' : plural(staying, 'worker')}
      {wanted}, counted <Ago at={countedAt} />
    </>
  );
}

interface RowProps {
  readonly worker: CrewWorker;
  readonly may: May;
  readonly onGo: ((name: string) => void) | undefined;
}

function Row({ worker, may, onGo }: RowProps) {
  const { name, since, jobs, state } = worker;
  return (
    <tr>
      <th scope="row">
        <span className="tasks-name cut" title={name}>
          {name}
        </span>
      </th>
      <td data-label="State">
        <StateBadge state={stateOf(worker)} />
      </td>
      <td data-label="Since">{since > 0 ? <Ago at={since} /> : '–'}</td>
      <td data-label="Jobs">
        <Value text={jobs === undefined ? undefined : count(jobs)} unknown={state === 'up'} brief />
      </td>
      {onGo && (
        <td data-label="">
          <Button
            size="compact-xs"
            variant="default"
            disabled={state === 'stopping'}
            onClick={() => onGo(name)}
            {...may}
          >
            Let go…<span className="only-read"> {name}</span>
          </Button>
        </td>
      )}
    </tr>
  );
}

function stateOf({ state, quietSince, deaf, busy, jobs }: CrewWorker): State {
  if (state === 'crashed') return { tone: 'bad', word: 'crashed', sentence: 'It ended by itself.' };
  if (state === 'stopping') return { tone: 'set', word: 'stopping', sentence: 'It was told to end.' };
  if (state === 'starting') return { tone: 'busy', word: 'starting', sentence: 'It takes no jobs yet.' };
  if (deaf !== undefined) return { tone: 'warn', word: 'cannot be told', sentence: deaf };
  if (quietSince !== undefined)
    return { tone: 'set', word: 'finishing', sentence: 'It takes no new jobs, because it is to go.' };
  if (jobs === 0 || busy === false) return { tone: 'calm', word: 'idle', sentence: 'It has nothing to do.' };
  return { tone: 'busy', word: 'up', sentence: 'It runs.' };
}

interface LetGoProps {
  readonly app: string;
  readonly worker: string | undefined;
  readonly onClose: () => void;
}

function LetGo({ app, worker, onClose }: LetGoProps) {
  const client = useQueryClient();
  const letGo = useMutation({
    mutationFn: (name: string) => api.letGo(app, name),
    onSuccess: onClose,
    onSettled: () => client.invalidateQueries({ queryKey: queries.crew(app).queryKey }),
  });
  return (
    <Confirm
      opened={worker !== undefined}
      onClose={() => {
        letGo.reset();
        onClose();
      }}
      title={`Let ${worker ?? 'it'} go?`}
      yes="Let it go"
      pending={letGo.isPending}
      onYes={() => worker !== undefined && letGo.mutate(worker)}
    >
      <Text size="sm">
        It is told to end, and may finish its work for as long as its grace time allows. Where the manager
        wants as many workers as before, it hires another at the next checkup.
      </Text>
      {letGo.isError && <Failed what="It was not let go" error={letGo.error} />}
    </Confirm>
  );
}
