/** The last tasks that failed, each with its error. They are not started again from here, and it says why. */
import { Button } from '@mantine/core';
import type { TaskFailure } from '../../server/api-tasks.ts';
import { Clock } from './time.tsx';

interface TaskFailuresProps {
  readonly failures: readonly TaskFailure[];
  /** Only those of this name are given. */
  readonly task: string | undefined;
  readonly onAll: () => void;
}

export function TaskFailures({ failures, task, onAll }: TaskFailuresProps) {
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
            {failures.map(({ id, at, ...failure }) => (
              <li key={`${id} ${at}`}>
                <div className="issue-line">
                  <b>{failure.task}</b>
                  <span className="task-failure-where">
                    {failure.queue}, {failure.worker}
                  </span>
                  <span className="issue-when">
                    <Clock at={at} />
                  </span>
                </div>
                <pre>{failure.error || 'It told no error.'}</pre>
                <span className="task-failure-where">{id}</span>
              </li>
            ))}
          </ol>
          <p className="tasks-note">
            The arguments of a task are not kept here, so it cannot be sent again from here: send it where it
            was sent.
          </p>
        </>
      )}
    </section>
  );
}
