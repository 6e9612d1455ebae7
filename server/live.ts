/**
 * Live updates by server-sent events. Every event is written out once and handed to all listeners. A listener that does
 * not read falls behind by a bounded number of messages and is then let go; its EventSource comes back by itself
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

export interface LiveLimits {
  readonly heartbeatMs: number;
  readonly listenerCount: number;
  /** Messages that may wait for one listener. */
  readonly behindCount: number;
}

const usual: LiveLimits = { heartbeatMs: 15_000, listenerCount: 1_000, behindCount: 200 };

export function createLive(limits: LiveLimits = usual): Live {
  const listeners = new Set<Listener>();
  const encoder = new TextEncoder();
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
      const bytes = encoder.encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
      const app = appOf(data);
      for (const listener of listeners)
        if (app === undefined || !listener.hears || listener.hears(app)) push(listener, bytes);
    },
    listenerCount: () => listeners.size,
    close: () => {
      clearInterval(heart);
      for (const listener of listeners) leave(listener);
    },
  };
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
