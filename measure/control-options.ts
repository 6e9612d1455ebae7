/** The options of every Celery meter that speaks with the workers behind its numbers. */
import type { OptionSpec } from '../decide/options.ts';

export const controlTimeoutOption: OptionSpec = {
  name: 'controlTimeoutSeconds',
  label: 'Time limit for workers',
  help: 'When a worker is silent for so long, the reading says nothing about running jobs and slots.',
  type: 'number',
  unit: 's',
  minimum: 0.05,
  maximum: 10,
  default: 1,
};

export const countsOption: OptionSpec = {
  name: 'counts',
  label: 'Count the jobs',
  help: 'No: it only speaks with the workers, where another meter of the manager counts the same jobs.',
  type: 'boolean',
  default: true,
};
