/**
 * A POST of plain JSON to any address, signed as the Standard Webhooks specification 1.0 asks, so that its libraries in
 * every language verify it: `webhook-signature: v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`.
 */
import { createHmac } from 'node:crypto';
import { deliver, problemsWithUrl } from './deliver.ts';
import type { NotifierKind } from './notifier.ts';

const secretPattern = /^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/;

export const webhook: NotifierKind = {
  use: 'webhook',
  title: 'Webhook',
  help: 'Posts signed JSON to any address.',
  options: [
    {
      name: 'url',
      label: 'Address',
      help: 'Receives POST requests of JSON.',
      type: 'text',
      secret: true,
    },
    {
      name: 'secret',
      label: 'Signing secret',
      help: 'whsec_ and the base64 of 24 to 64 random bytes; the receiver verifies with the same. Empty: not signed.',
      type: 'text',
      optional: true,
      secret: true,
    },
  ],
  problems: ({ url, secret }) => [
    ...problemsWithUrl('url', url),
    ...(secret === undefined || secret === '' || secretPattern.test(String(secret))
      ? []
      : ['option "secret" must be whsec_ and the base64 of 24 to 64 bytes']),
  ],
  create: ({ url, secret }, { post, now }) => ({
    name: 'webhook',
    send: async (notices, signal) => {
      const [first] = notices;
      if (!first) return;
      const body = JSON.stringify({ type: 'headcount.notices', notices });
      await deliver(
        post,
        {
          to: 'The webhook',
          url: String(url),
          body,
          headers: signed(first.id, Math.floor(now() / 1000), body, secret ? String(secret) : undefined),
          todo: 'Look at what receives it; it must answer with a status from 200 to 299.',
        },
        signal,
      );
    },
  }),
};

function signed(
  id: string,
  seconds: number,
  body: string,
  secret: string | undefined,
): Record<string, string> {
  const named = { 'webhook-id': id, 'webhook-timestamp': String(seconds) };
  if (!secret) return named;
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64');
  return { ...named, 'webhook-signature': `v1,${signature}` };
}
