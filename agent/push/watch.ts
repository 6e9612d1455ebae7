/**
 * Sees the requests of this process, whatever framework serves them: node:http itself tells of each that begins
 * (`diagnostics_channel`, "http.server.request.start"). So Next.js, NestJS and a bare listener need nothing in their code, and
 * no framework adapter has to stand in the way of every request; a middleware for each was the other way, and one put
 * behind a slow one would have measured too little.
 *
 * Runs inside the app's request path: it must not throw, and keeps nothing per request but a listener for its end.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { waitedMs } from './request-start.ts';

export interface Seen {
  /** Milliseconds that a request waited for this process; not told of one whose router does not say. */
  began(waitedMs: number | undefined): void;
  /** Milliseconds until its last byte was handed over, or the client was gone; failed: it was answered with 5xx. */
  ended(tookMs: number, failed: boolean): void;
}

const channel = 'http.server.request.start';

/** @returns ends it */
export function watchRequests(seen: Seen, now: () => number): () => void {
  const started = (message: unknown): void => {
    try {
      const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
      // Who asks for our numbers, or brings some, is no visitor.
      if (request.url?.startsWith('/hirefire') || request.headers['hirefire-token']) return;
      const since = performance.now();
      seen.began(waitedMs(request.headers, now()));
      response.once('close', () => seen.ended(performance.now() - since, response.statusCode >= 500));
    } catch {
      // a request that cannot be seen is served all the same
    }
  };
  subscribe(channel, started);
  return () => void unsubscribe(channel, started);
}
