/**
 * A RabbitMQ that is short of memory or disk reads nothing more from a connection that has sent a message, until it has room
 * again: neither messages nor questions nor the wish to close. It says so on the connection (connection.blocked), and that
 * is all that a client hears. Here who uses such a connection waits for some seconds, and is then told.
 */
import type { ChannelModel } from 'amqplib';
import { TasksError } from '../errors.ts';

export interface Gate {
  /** Does it, but no longer than the connection may be blocked meanwhile. Rejects with BROKER_UNREACHABLE then. */
  pass<R>(work: () => Promise<R>): Promise<R>;
}

/** Who already spoke when it was blocked cannot know whether it was heard. */
const longestBlockedMs = 8_000;

export function gateOf(connection: ChannelModel): Gate {
  const under = new Set<(error: unknown) => void>();
  const waiting = new Set<() => void>();
  let why: string | undefined;
  let overMs = 0;
  let timer: NodeJS.Timeout | undefined;
  const tell = (): void => {
    for (const reject of under) reject(blocked(why ?? ''));
    free();
  };
  const free = (): void => {
    for (const go of waiting) go();
    waiting.clear();
  };
  const open = (): void => {
    why = undefined;
    clearTimeout(timer);
    free();
  };
  connection
    .on('blocked', (reason: unknown) => {
      clearTimeout(timer);
      why = String(reason);
      overMs = Date.now() + longestBlockedMs;
      timer = setTimeout(tell, longestBlockedMs);
      timer.unref();
    })
    .on('unblocked', open)
    .on('close', open);
  /** Nothing more is written to it meanwhile: that would only fill this process. */
  const opened = async (): Promise<void> => {
    if (why !== undefined && Date.now() < overMs) await new Promise<void>((go) => void waiting.add(go));
    if (why !== undefined) throw blocked(why);
  };
  return {
    pass: async (work) => {
      if (why !== undefined) await opened();
      return new Promise((resolve, reject) => {
        under.add(reject);
        work()
          .then(resolve, reject)
          .finally(() => under.delete(reject));
      });
    },
  };
}

function blocked(reason: string): TasksError {
  return new TasksError(
    'BROKER_UNREACHABLE',
    'RabbitMQ takes nothing',
    `it blocks who sends (${reason})`,
    'It goes on by itself when workers have made room, or when it gets more memory or disk',
  );
}
