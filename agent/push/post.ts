/**
 * One POST at a time over one connection that is kept, with a time limit for the whole of it. No redirects.
 *
 * By node:http and not by fetch, because a connection of fetch that is under way keeps the app's process alive; this one
 * is cut loose from the event loop, so an app that has nothing left to do ends although a push hangs.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

export interface Posted {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface Poster {
  /** @throws Error when no whole answer came in time */
  post(path: string, headers: Readonly<Record<string, string>>, body: string): Promise<Posted>;
  close(): void;
}

const timeoutMs = 5_000;
const answerBytesMaximum = 131_072;

export function createPoster(base: string): Poster {
  const secure = base.startsWith('https:');
  const options = { keepAlive: true, maxSockets: 1, maxTotalSockets: 1 };
  const agent = secure ? new HttpsAgent(options) : new HttpAgent(options);
  const once = (path: string, headers: Readonly<Record<string, string>>, body: string): Promise<Posted> =>
    new Promise((resolve, reject) => {
      const all = { ...headers, 'Content-Length': String(Buffer.byteLength(body)) };
      const request = (secure ? httpsRequest : httpRequest)(`${base}${path}`, {
        method: 'POST',
        agent,
        headers: all,
      });
      const late = (): void => void request.destroy(new TypeError(`no whole answer within ${timeoutMs} ms`));
      const timer = setTimeout(late, timeoutMs);
      timer.unref();
      request.once('socket', (socket) => socket.unref());
      let answered = false;
      request.once('response', (response) => {
        answered = true;
        read(response).then((answer) => resolve({ ...answer, status: response.statusCode ?? 0 }), reject);
      });
      request.on('error', (problem) => reject(Object.assign(problem, { reused: request.reusedSocket })));
      request.once('close', () => {
        clearTimeout(timer);
        // With an answer begun, reading it tells whether it was whole.
        if (!answered) reject(new TypeError('the connection was cut'));
      });
      request.end(body);
    });
  return {
    post: (path, headers, body) =>
      once(path, headers, body).catch((problem: NodeJS.ErrnoException & { reused?: boolean }) => {
        // The other side may close a kept connection at the very moment when it is used again.
        if (problem.reused && problem.code === 'ECONNRESET') return once(path, headers, body);
        throw problem;
      }),
    close: () => agent.destroy(),
  };
}

async function read(response: IncomingMessage): Promise<Omit<Posted, 'status'>> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response) {
    bytes += (part as Buffer).length;
    if (bytes > answerBytesMaximum) {
      response.destroy();
      throw new TypeError('the answer is larger than 128 KB');
    }
    parts.push(part as Buffer);
  }
  return { headers: response.headers, body: Buffer.concat(parts).toString() };
}
