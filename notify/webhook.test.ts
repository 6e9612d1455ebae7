import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { nobody, notice, notifierContract, plainPost, startReceiver } from './contract.ts';
import { webhook } from './webhook.ts';

const secret = `whsec_${Buffer.from('0123456789abcdef0123456789abcdef').toString('base64')}`;
const surroundings = { post: plainPost, now: () => 1_700_000_000_000 };

notifierContract({ test, expect }, webhook, {
  surroundings,
  nowhere: { url: nobody, secret },
  receiver: async () => {
    const receiver = await startReceiver(({ type, notices }) =>
      type === 'headcount.notices' && Array.isArray(notices) ? undefined : 'not ours',
    );
    return {
      options: { url: receiver.url, secret },
      received: async () => receiver.seen.map(({ body }) => body).join('\n'),
      refuse: receiver.refuse,
      stop: receiver.stop,
    };
  },
});

test('the signature is that of the Standard Webhooks specification', async () => {
  const receiver = await startReceiver(() => undefined);
  await webhook
    .create({ url: receiver.url, secret }, surroundings)
    .send([notice], AbortSignal.timeout(60_000));
  await receiver.stop();
  const { headers, body } = receiver.seen[0]!;
  expect(headers).toMatchObject({ 'webhook-id': 'n1', 'webhook-timestamp': '1700000000' });
  const mac = createHmac('sha256', '0123456789abcdef0123456789abcdef').update(`n1.1700000000.${body}`);
  expect(headers['webhook-signature']).toBe(`v1,${mac.digest('base64')}`);
  expect(JSON.parse(body).notices).toEqual([notice]);
});

test('what cannot be an address or a secret is told when it is saved', () => {
  expect(webhook.problems?.({ url: 'example.com', secret: 'x' })).toHaveLength(2);
  expect(webhook.problems?.({ url: 'https://example.com' })).toEqual([]);
});
