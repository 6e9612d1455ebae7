/**
 * Async and forget: a request that brings much work answers as soon as the work is safe in the queue. 202 means "it will be
 * done"; delayMany sends a whole upload in one exchange with the broker (in one for each thousand, when there are more).
 */
import { createServer, type Server } from 'node:http';
import { json } from 'node:stream/consumers';
import { ingest, type Track } from './tasks.ts';

export const uploads: Server = createServer(async (request, response) => {
  try {
    const tracks = (await json(request)) as Track[];
    await ingest.delayMany(tracks.map((track) => [track] as const));
    response.writeHead(202, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ accepted: tracks.length }));
  } catch (error) {
    // The broker is down or the body is no JSON: the sender has to know, and send again.
    response.writeHead(error instanceof SyntaxError ? 400 : 503).end();
  }
});
