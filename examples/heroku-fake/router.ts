/**
 * Heroku's router in small: passes requests to a random web dyno that is up, with X-Request-Start. H14 when there is
 * none, H12 when a dyno does not answer within 30 seconds, H13 when it hangs up.
 */
import { randomUUID } from 'node:crypto';
import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { Platform } from './platform.ts';

const limitMs = 30_000;

export function passToWeb(platform: Platform, incoming: IncomingMessage, answer: ServerResponse): void {
  const dynos = platform.dynos().filter(({ type, state, port }) => type === 'web' && state === 'up' && port);
  const dyno = dynos[Math.floor(Math.random() * dynos.length)];
  if (!dyno?.port) {
    fail(answer, 503, 'H14', 'No web processes running');
    return;
  }
  const headers = {
    ...incoming.headers,
    'x-request-start': String(Date.now()),
    'x-request-id': incoming.headers['x-request-id'] ?? randomUUID(),
    'x-forwarded-for': incoming.socket.remoteAddress ?? '',
    'x-forwarded-proto': 'http',
    via: '1.1 heroku-fake',
  };
  const { method, url: path } = incoming;
  const passed = request({ host: '127.0.0.1', port: dyno.port, method, path, headers, timeout: limitMs });
  passed.once('response', (response) => {
    answer.writeHead(response.statusCode ?? 502, response.headers);
    response.on('error', () => answer.destroy()).pipe(answer);
  });
  passed.once('timeout', () => {
    fail(answer, 503, 'H12', 'Request timeout');
    passed.destroy();
  });
  passed.once('error', () => fail(answer, 503, 'H13', 'Connection closed without response'));
  answer.once('close', () => passed.destroy());
  incoming.on('error', () => passed.destroy()).pipe(passed);
}

function fail(answer: ServerResponse, status: number, code: string, text: string): void {
  if (answer.headersSent || answer.destroyed) {
    answer.destroy();
    return;
  }
  answer.writeHead(status, { 'content-type': 'text/plain', connection: 'close' });
  answer.end(`${code} ${text}\n`);
}
