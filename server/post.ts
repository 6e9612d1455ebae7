/** One POST to an address that a person entered: guarded, never redirected, with a bounded time and a bounded answer. */
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { within } from '../measure/within.ts';
import type { Post } from '../notify/notifier.ts';
import type { Guard } from './guard.ts';

const answerLimitMs = 10_000;
const answerBytes = 64 * 1024;

export function createPost(guard: Guard): Post {
  return ({ url, headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const target = new URL(url);
      guard.check(target);
      const request = target.protocol === 'https:' ? requestHttps : requestHttp;
      const limit = within(signal, answerLimitMs);
      const call = request(
        target,
        {
          method: 'POST',
          headers: { ...headers, 'content-length': Buffer.byteLength(body) },
          lookup: guard.lookup,
          agent: false,
          signal: limit,
        },
        (response) => {
          const chunks: Buffer[] = [];
          let bytes = 0;
          response.on('data', (chunk: Buffer) => {
            bytes += chunk.length;
            if (bytes <= answerBytes) chunks.push(chunk);
            else response.destroy();
          });
          response.on('close', () =>
            resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
          );
        },
      );
      call.on('error', (error) => reject(limit.aborted && !signal.aborted ? late() : error));
      call.end(body);
    });
}

function late(): DOMException {
  return new DOMException(`no answer within ${answerLimitMs / 1000} s`, 'TimeoutError');
}
