/**
 * Celery's protocol 1 (the default until 4.0, still an option): no headers, and one object as the body. It is read by
 * turning it into protocol 2, as celery/worker/strategy.py does (proto1_to_proto2, 5.6.3), so that one piece of code
 * checks both. Hybrid messages, with the headers of 2 and the body of 1, go the same way; a header counts before the body.
 *
 * Protocol 1 cannot carry a chain, nor whether the result is wanted: what needs them goes by protocol 2.
 */
import type { TaskMessage } from './message.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Whether a body is of protocol 1: alone, or under headers of protocol 2. */
export function isOldBody(headers: Fields, body: Fields): boolean {
  return typeof headers.task === 'string' ? 'args' in body || 'kwargs' in body : 'task' in body;
}

/** Headers and body of protocol 2. */
export function fromOldBody(
  headers: Fields,
  body: Fields,
): { readonly headers: Fields; readonly body: unknown } {
  const { args = [], kwargs = {}, callbacks = null, errbacks = null, chord = null, ...rest } = body;
  const { taskset, utc: _always, chain = null, ...old } = rest;
  const group = old.group ?? taskset ?? null;
  return {
    headers: { ...old, group, root_id: old.root_id ?? old.id, ...headers },
    body: [args, kwargs ?? {}, { callbacks, errbacks, chain, chord }],
  };
}

/** The body, member by member in the order in which Celery writes it. */
export function oldBodyOf(message: TaskMessage, iso: (ms: number | null) => string | null): Fields {
  const { callbacks = null, errbacks = null, chord = null } = message.embed;
  return {
    task: message.task,
    id: message.id,
    args: message.args,
    kwargs: message.kwargs,
    group: message.group,
    group_index: message.groupIndex,
    retries: message.retries,
    eta: iso(message.etaMs),
    expires: iso(message.expiresMs),
    utc: true,
    callbacks,
    errbacks,
    timelimit: [message.timeLimit.hardSeconds, message.timeLimit.softSeconds],
    taskset: message.group,
    chord,
  };
}
