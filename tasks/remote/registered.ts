/** One line of `registered`: `mail.send [rate_limit=10/m]`, as Celery writes it and Flower shows it. */
import { limitsOf } from '../controls.ts';
import { newMessage } from '../message.ts';
import { reprOf } from '../repr.ts';
import type { Definition } from '../task.ts';
import type { Bench } from '../workbench.ts';

/** By the name of the attribute of Celery's task. Undefined where the task does not have it. */
type Attribute = (bench: Bench, definition: Definition) => unknown;

const attributes: Readonly<Record<string, Attribute>> = {
  rate_limit: ({ controls }, { name }) => controls.rates.get(name)?.text,
  soft_time_limit: (bench, definition) => limits(bench, definition).softSeconds,
  time_limit: (bench, definition) => limits(bench, definition).hardSeconds,
  max_retries: (_bench, { options }) => options.maxRetries ?? 0,
  acks_late: (_bench, { options }) => options.ackLate ?? true,
  ignore_result: ({ ignoreResult }, { options }) => options.ignoreResult ?? ignoreResult,
  reject_on_worker_lost: (_bench, { options }) => options.requeueLost ?? false,
  queue: (_bench, { options }) => options.queue,
  priority: (_bench, { options }) => options.priority,
  name: (_bench, { name }) => name,
};

/** @param items which attributes; none: what Celery tells unasked */
export function registeredLine(bench: Bench, task: string, items: readonly string[]): string {
  const definition = bench.tasks.get(task);
  if (!definition) return task;
  const told = (items.length > 0 ? items : ['rate_limit']).flatMap((item) => {
    const value = Object.hasOwn(attributes, item) ? attributes[item]?.(bench, definition) : undefined;
    return value === undefined || value === null ? [] : [`${item}=${textOf(value)}`];
  });
  return told.length > 0 ? `${task} [${told.join(' ')}]` : task;
}

/** As they are now, also where remote control changed them. */
function limits({ controls }: Bench, definition: Definition): ReturnType<typeof limitsOf> {
  return limitsOf(controls, newMessage({ id: '', task: definition.name }), definition);
}

/** Python's str(). */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : reprOf(value);
}
