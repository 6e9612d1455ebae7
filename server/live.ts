/**
 * Live updates by server-sent events. Every event is written out once, and what comes within a moment is handed to all
 * listeners in one piece: a hundred dashboards and hundreds of checkups a second are a thousand writes a second. A listener that does
 * not read falls behind by a bounded number of pieces and is then let go; its EventSource comes back by itself
 * and the page loads what it missed. Waiting for slow readers was rejected: one sleeping laptop would stop all.
 */
export interface Live {
  /**
   * A response that goes on until the reader or the controller ends it. `allowed` is asked again at every heartbeat; `hears`
   * at every event about an app. Without it all are heard.
   */
  open(allowed: () => Promise<boolean>, hears?: (app: string) => boolean): Response;
  send(event: string, data: unknown): void;
  listenerCount(): number;
  close(): void;
}

interface Listener {
  readonly stream: ReadableStreamDefaultController<Uint8Array>;
  readonly allowed: () => Promise<boolean>;
  readonly hears?: (app: string) => boolean;
}

interface Collected {
  readonly text: string;
  /** Absent: it is about no app, and everybody hears it. */
  readonly app: string | undefined;
}

export interface LiveLimits {
  readonly heartbeatMs: number;
  readonly listenerCount: number;
  /** Pieces that may wait for one listener. */
  readonly behindCount: number;
}

/** Nobody sees the difference on a page. */
const collectMs = 100;
const mostCollected = 1_000;

const usual: LiveLimits = { heartbeatMs: 15_000, listenerCount: 1_000, behindCount: 200 };

export function createLive(limits: LiveLimits = usual): Live {
  const listeners = new Set<Listener>();
  const encoder = new TextEncoder();
  let collected: Collected[] = [];
  let flushing: NodeJS.Timeout | undefined;
  const leave = (listener: Listener): void => {
    if (!listeners.delete(listener)) return;
    try {
      listener.stream.close();
    } catch {
      // Already closed by the reader.
    }
  };
  const push = (listener: Listener, bytes: Uint8Array): void => {
    if ((listener.stream.desiredSize ?? 0) > 0) listener.stream.enqueue(bytes);
    else leave(listener);
  };
  const flush = (): void => {
    clearTimeout(flushing);
    flushing = undefined;
    const events = collected;
    collected = [];
    const whole = encoder.encode(events.map(({ text }) => text).join(''));
    for (const listener of listeners) {
      const piece = listener.hears ? encoder.encode(heardBy(listener.hears, events)) : whole;
      if (piece.length > 0) push(listener, piece);
    }
  };
  const beat = (): void => {
    const comment = encoder.encode(': still here\n\n');
    for (const listener of listeners) {
      push(listener, comment);
      void listener.allowed().then(
        (allowed) => allowed || leave(listener),
        () => leave(listener),
      );
    }
  };
  const heart = setInterval(beat, limits.heartbeatMs);
  heart.unref();

  return {
    open: (allowed, hears) => {
      let listener: Listener | undefined;
      const body = new ReadableStream<Uint8Array>(
        {
          start: (stream) => {
            listener = { stream, allowed, ...(hears && { hears }) };
            listeners.add(listener);
            push(listener, encoder.encode('retry: 2000\n\n'));
          },
          cancel: () => {
            if (listener) listeners.delete(listener);
          },
        },
        new CountQueuingStrategy({ highWaterMark: limits.behindCount }),
      );
      const [oldest] = listeners;
      if (oldest && listeners.size > limits.listenerCount) leave(oldest);
      return new Response(body, { headers: streamHeaders });
    },
    send: (event, data) => {
      if (listeners.size === 0) return;
      collected.push({ text: `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`, app: appOf(data) });
      if (collected.length >= mostCollected) flush();
      else flushing ??= setTimeout(flush, collectMs).unref();
    },
    listenerCount: () => listeners.size,
    close: () => {
      clearInterval(heart);
      flush();
      for (const listener of listeners) leave(listener);
    },
  };
}

function heardBy(hears: (app: string) => boolean, events: readonly Collected[]): string {
  const heard = events.filter(({ app }) => app === undefined || hears(app));
  return heard.map(({ text }) => text).join('');
}

function appOf(data: unknown): string | undefined {
  if (typeof data !== 'object' || data === null || !('app' in data)) return undefined;
  return typeof data.app === 'string' ? data.app : undefined;
}

const streamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // Some proxies collect an answer before they pass it on; this asks them not to.
  'x-accel-buffering': 'no',
};
