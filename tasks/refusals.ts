/** What an app refuses to do with the broker or in the place that it has, and why. */
import { TasksError } from './errors.ts';

export function cannotCount(broker: string): TasksError {
  return new TasksError(
    'OPTION_INVALID',
    'The depth of a queue cannot be told',
    `the broker of the form ${broker.split(':')[0]}: cannot count`,
    'Use a meter of Headcount for it',
  );
}

export function noRemote(broker: string): never {
  throw new TasksError(
    'OPTION_INVALID',
    'Workers cannot be asked',
    `the broker of the form ${broker.split(':')[0]}: has no remote control`,
    'Use a redis:, amqp: or memory: broker, or depth() to count',
  );
}

export function workerInThread(): TasksError {
  return new TasksError(
    'OPTION_INVALID',
    'A worker was started in a thread of a worker',
    'taskModule is the module that starts the worker',
    'Define the tasks in a module of their own, and give that one',
  );
}
