/**
 * A worker's ear for remote control, and its heartbeat: both from when it starts to when it has put its last job back, so
 * that who measures sees a worker that stops as long as it works. Neither can harm the work: an outage is waited for.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { textOf } from '../errors.ts';
import { type Command, commandFor } from './command.ts';
import { adjustClock, forward, heartbeatSeconds } from './events.ts';
import { processed, type WorkerNode } from './node.ts';
import { inspections, type Method } from './panel.ts';
import { changes } from './panel-changes.ts';
import type { Remote, Sent } from './remote.ts';

/** A worker need not wait longer for its ear before it works. */
const readyWithinMs = 2_000;
const againAfterMs = 5_000;

export interface Attendance {
  /** Heard, or tried for two seconds. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

export function attend(remote: Remote, node: WorkerNode): Attendance {
  const closed = new AbortController();
  const answering = new Set<Promise<void>>();
  const { events } = node.bench;
  const hear = (sent: Sent): void => {
    const answer = respond(remote, node, sent).finally(() => answering.delete(answer));
    answering.add(answer);
  };
  const heard = hearLastingly(remote, node, hear, closed.signal);
  void events.worker('worker-online', loadOf(node));
  const heart = setInterval(
    () => void events.worker('worker-heartbeat', loadOf(node)),
    heartbeatSeconds * 1000,
  );
  return {
    ready: Promise.race([heard.then(() => {}), pause(readyWithinMs, undefined, { ref: false })]),
    close: async () => {
      clearInterval(heart);
      closed.abort();
      await (await heard)?.();
      await Promise.all(answering);
      await events.flush();
      await events.worker('worker-offline', loadOf(node));
    },
  };
}

function loadOf({ bench }: WorkerNode): { active: number; processed: number } {
  return { active: bench.running.size, processed: processed(bench) };
}

/** Undefined when it was closed before the broker let it listen. */
async function hearLastingly(
  remote: Remote,
  node: WorkerNode,
  hear: (sent: Sent) => void,
  closed: AbortSignal,
): Promise<(() => Promise<void>) | undefined> {
  for (let failures = 0; !closed.aborted; failures++) {
    try {
      return await remote.hearCommands(node.name, hear);
    } catch (error) {
      if (failures === 0) node.bench.log('warn', `no remote control for now: ${textOf(error)}`);
      await pause(againAfterMs, undefined, { signal: closed, ref: false }).catch(() => {});
    }
  }
  return undefined;
}

/** Never rejects: what is wrong with a command is told to who sent it. */
async function respond(remote: Remote, node: WorkerNode, sent: Sent): Promise<void> {
  adjustClock(sent.headers.clock);
  const command = commandFor(node.name, sent, Date.now());
  if (!command) return;
  const answer = await carryOut(node, command);
  const { replyTo, ticket } = command;
  if (!replyTo) return;
  const reply: Sent = { headers: { ticket, clock: forward() }, body: { [node.name]: answer } };
  await remote.reply(replyTo, reply).catch(() => {});
}

/** Arguments of a job may hold what JSON.stringify refuses; people see the digits then. */
function sendable(answer: unknown): unknown {
  const text = JSON.stringify(answer ?? null, (_name, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  return JSON.parse(text) as unknown;
}

async function carryOut(node: WorkerNode, command: Command): Promise<unknown> {
  const methods: Readonly<Record<string, Method>> = Object.hasOwn(inspections, command.method)
    ? inspections
    : changes;
  const method = Object.hasOwn(methods, command.method) ? methods[command.method] : undefined;
  // As Python says it of a method that it does not know.
  if (!method) return { error: `KeyError(${JSON.stringify(command.method)})` };
  try {
    return sendable(await method(node, command.arguments));
  } catch (error) {
    return { error: textOf(error) };
  }
}
