import { expect, test } from 'vitest';
import { nobody, notice, notifierContract, plainPost, startReceiver } from './contract.ts';
import { pagerduty } from './pagerduty.ts';

const routingKey = '0123456789abcdef0123456789abcdef';
const surroundings = { post: plainPost, now: () => 0 };

interface Event {
  readonly routing_key: string;
  readonly event_action: string;
  readonly dedup_key: string;
  readonly payload: { readonly summary: string; readonly source: string; readonly severity: string };
}

/** What the Events API v2 refuses with 400. */
function wrong(body: Record<string, unknown>): string | undefined {
  const { routing_key, event_action, dedup_key, payload } = body as unknown as Event;
  if (routing_key.length !== 32) return "Length of 'routing_key' is incorrect (should be 32 characters)";
  if (!['trigger', 'resolve'].includes(event_action)) return 'event_action is invalid';
  if (dedup_key.length > 255) return 'dedup_key is too long';
  if (!payload.summary || payload.summary.length > 1_024 || !payload.source) return 'payload is invalid';
  return ['critical', 'error', 'warning', 'info'].includes(payload.severity) ? undefined : 'severity';
}

notifierContract({ test, expect }, pagerduty, {
  surroundings,
  nowhere: { url: nobody, routingKey },
  receiver: async () => {
    const receiver = await startReceiver(wrong);
    return {
      options: { url: receiver.url, routingKey },
      received: async () => receiver.seen.map(({ body }) => body).join('\n'),
      refuse: receiver.refuse,
      stop: receiver.stop,
    };
  },
});

test('an issue is resolved under the key that opened it, and a scaling wakes nobody', async () => {
  const receiver = await startReceiver(wrong);
  const notifier = pagerduty.create({ url: receiver.url, routingKey }, surroundings);
  const scaled = { ...notice, kind: 'scaled' as const, key: 'other' };
  await notifier.send([notice, scaled, { ...notice, kind: 'resolved' }], AbortSignal.timeout(60_000));
  await receiver.stop();
  const [opened, resolved, more] = receiver.seen.map(({ body }) => JSON.parse(body));
  expect([opened.event_action, resolved.event_action, more]).toEqual(['trigger', 'resolve', undefined]);
  expect(resolved.dedup_key).toBe(opened.dedup_key);
});
