/**
 * What a broker lends for remote control ("pidbox") and events: kombu's two broadcasts, in which nothing is kept for who
 * does not listen. A broker without it has workers that nobody can ask.
 */
export interface Remote {
  /**
   * Hears the commands to all workers, also after an outage. The answer stops it: whatever was sent before is heard
   * before it resolves.
   *
   * @param node the worker's name, `worker.3@host`
   */
  hearCommands(node: string, hear: (sent: Sent) => void): Promise<() => Promise<void>>;
  /** Answers who asked; when nobody waits for it any more, nothing happens. */
  reply(to: ReplyTo, sent: Sent): Promise<void>;
  /** Tells who listens to events; `key` is the type with dots, `worker.heartbeat`. */
  announce(key: string, sent: Sent): Promise<void>;
  /** Puts a question to all workers and collects what they say. */
  ask(question: Sent, options: AskOptions): Promise<Asked>;
  /** Hears the events of one group ("worker", "task") or of all. */
  hearEvents(group: string | undefined, hear: (sent: Sent) => void): Promise<() => Promise<void>>;
}

/** A broadcast as JSON values; a body that is no object is a stranger's. */
export interface Sent {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

export interface ReplyTo {
  readonly exchange: string;
  readonly routingKey: string;
}

export interface AskOptions {
  readonly timeoutMs: number;
  /** How many answer, where the caller knows it: those it named. */
  readonly expected?: number;
  readonly signal: AbortSignal;
}

export interface Asked {
  readonly replies: readonly Sent[];
  /** How many workers heard it; absent where the broker does not tell. */
  readonly heard?: number;
}
