/** The last tasks that failed, each with its error, and a button to send it again. */
import { Button } from '@mantine/core';
import { useState } from 'react';
import type { TaskFailure } from '../../server/api-tasks.ts';
import { type May, useMay } from '../may.ts';
import { SendAgain } from './send-again.tsx';
import { Clock } from './time.tsx';

interface TaskFailuresProps {
  readonly app: string;
  readonly failures: readonly TaskFailure[];
  /** Only those of this name are given. */
  readonly task: string | undefined;
  readonly onAll: () => void;
}

export function TaskFailures({ app, failures, task, onAll }: TaskFailuresProps) {
  const [asked, setAsked] = useState<TaskFailure>();
  /** The new id by that of the failed one. */
  const [sent, setSent] = useState<ReadonlyMap<string, string>>(new Map());
  const may = useMay('member', app);
  if (failures.length === 0 && task === undefined) return null;
  return (
    <section className="card listed" aria-labelledby="failures">
      <div className="task-failures-head">
        <h2 id="failures">{task === undefined ? 'Last failures' : `Last failures of ${task}`}</h2>
        {task !== undefined && (
          <Button size="xs" variant="default" onClick={onAll}>
            Of all tasks
          </Button>
        )}
      </div>
      {failures.length === 0 ? (
        <p className="tasks-note">None is among the last of the app.</p>
      ) : (
        <>
          <ol className="task-failures">
            {failures.map((failure) => (
              <Failure
                key={`${failure.id} ${failure.at}`}
                failure={failure}
                sentAs={sent.get(failure.id)}
                may={may}
                onSend={setAsked}
              />
            ))}
          </ol>
          <p className="tasks-note">
            A task is sent again with the arguments that its worker kept, never with what is shown of them;
            where none were kept it says so.
          </p>
        </>
      )}
      <SendAgain
        app={app}
        failure={asked}
        onSent={({ id }, { id: newId }) => {
          setSent((before) => new Map([...before, [id, newId]]));
          setAsked(undefined);
        }}
        onClose={() => setAsked(undefined)}
      />
    </section>
  );
}

interface FailureProps {
  readonly failure: TaskFailure;
  readonly sentAs: string | undefined;
  readonly may: May;
  readonly onSend: (failure: TaskFailure) => void;
}

function Failure({ failure, sentAs, may, onSend }: FailureProps) {
  const { id, at, task, queue, worker, error } = failure;
  return (
    <li>
      <div className="issue-line">
        <b>{task}</b>
        <span className="task-failure-where">
          {queue}, {worker}
        </span>
        <span className="issue-when">
          <Clock at={at} />
        </span>
      </div>
      <pre>{error || 'It told no error.'}</pre>
      <div className="task-failure-foot">
        <span className="task-failure-where">{id}</span>
        {sentAs === undefined ? (
          <Button size="compact-xs" variant="default" onClick={() => onSend(failure)} {...may}>
            Send again…<span className="only-read"> {id}</span>
          </Button>
        ) : (
          <span className="task-failure-where" role="status">
            Sent again as {sentAs}
          </span>
        )}
      </div>
    </li>
  );
}
