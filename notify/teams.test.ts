import { expect, test } from 'vitest';
import { nobody, notice, notifierContract, plainPost, startReceiver } from './contract.ts';
import { teams } from './teams.ts';

const surroundings = { post: plainPost, now: () => 0 };

interface Card {
  type: string;
  version: string;
  body: { type: string; text: string; color?: string }[];
}

/** A workflow takes a message with one adaptive card, of at most 28 KB. */
function wrong(body: Record<string, unknown>): string | undefined {
  const [attachment] = body.attachments as { contentType: string; content: Card }[];
  if (body.type !== 'message' || !attachment) return 'not a message';
  if (attachment.contentType !== 'application/vnd.microsoft.card.adaptive') return 'not a card';
  if (attachment.content.type !== 'AdaptiveCard' || attachment.content.body.length === 0) return 'empty';
  return JSON.stringify(body).length > 28_000 ? 'too large' : undefined;
}

notifierContract({ test, expect }, teams, {
  surroundings,
  nowhere: { url: nobody },
  receiver: async () => {
    const receiver = await startReceiver(wrong);
    return {
      options: { url: receiver.url },
      received: async () => receiver.seen.map(({ body }) => body).join('\n'),
      refuse: receiver.refuse,
      stop: receiver.stop,
    };
  },
});

test('a resolved issue is good news in colour', async () => {
  const receiver = await startReceiver(wrong);
  const resolved = { ...notice, kind: 'resolved' as const };
  await teams.create({ url: receiver.url }, surroundings).send([resolved], AbortSignal.timeout(60_000));
  await receiver.stop();
  const { content } = JSON.parse(receiver.seen[0]!.body).attachments[0];
  expect(content.body[0]).toMatchObject({
    text: 'Resolved: music/worker: at the maximum for 10 minutes',
    color: 'Good',
  });
  expect(content.actions[0].url).toBe(notice.url);
});
