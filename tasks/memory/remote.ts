/** Remote control and events within one process: what is said is heard at once, by all who listen to the same place. */
import { randomUUID } from 'node:crypto';
import type { Asked, AskOptions, Remote, Sent } from '../remote/remote.ts';

type Hear = (sent: Sent) => void;

interface Ears {
  readonly commands: Set<Hear>;
  readonly events: Set<(key: string, sent: Sent) => void>;
  /** By the routing key of who asked. */
  readonly inboxes: Map<string, Hear>;
}

const ears = new WeakMap<object, Ears>();

/** @param place names who hears each other */
export function remoteOf(place: object): Remote {
  const { commands, events, inboxes } = earsOf(place);
  return {
    hearCommands: async (_node, hear) => {
      commands.add(hear);
      return async () => void commands.delete(hear);
    },
    hearEvents: async (group, hear) => {
      const filtered = (key: string, sent: Sent): void => {
        if (group === undefined || key.startsWith(`${group}.`)) hear(sent);
      };
      events.add(filtered);
      return async () => void events.delete(filtered);
    },
    reply: async ({ routingKey }, sent) => inboxes.get(routingKey)?.(copied(sent)),
    announce: async (key, sent) => {
      for (const hear of events) hear(key, copied(sent));
    },
    ask: async (question, options) => {
      const inbox = randomUUID();
      try {
        return await collect(inboxes, inbox, options, () => {
          const body = { ...(question.body as object), reply_to: { exchange: 'reply', routing_key: inbox } };
          for (const hear of commands) hear(copied({ headers: question.headers, body }));
          return commands.size;
        });
      } finally {
        inboxes.delete(inbox);
      }
    },
  };
}

function earsOf(place: object): Ears {
  const known = ears.get(place) ?? { commands: new Set(), events: new Set(), inboxes: new Map() };
  ears.set(place, known);
  return known;
}

async function collect(
  inboxes: Ears['inboxes'],
  inbox: string,
  { timeoutMs, expected, signal }: AskOptions,
  say: () => number,
): Promise<Asked> {
  const replies: Sent[] = [];
  let heard = 0;
  let enough = (): void => {};
  const answered = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, timeoutMs);
    const aborted = (): void => reject(signal.reason);
    enough = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', aborted);
      resolve();
    };
    signal.addEventListener('abort', aborted, { once: true });
  });
  const wanted = (): number => Math.min(heard, expected ?? heard);
  inboxes.set(inbox, (sent) => {
    replies.push(sent);
    if (replies.length >= wanted()) enough();
  });
  heard = say();
  if (replies.length >= wanted()) enough();
  await answered;
  return { heard, replies };
}

/** As it would come over a wire: what the receiver changes is its own. */
function copied(sent: Sent): Sent {
  return JSON.parse(JSON.stringify(sent)) as Sent;
}
