import { expect, test } from 'vitest';
import { nobody, notice, notifierContract, plainPost, startReceiver } from './contract.ts';
import { slack } from './slack.ts';

const surroundings = { post: plainPost, now: () => 0 };

/** The documented limits: a text, at most 50 blocks, at most 3,000 characters in each. */
function wrong({ text, blocks }: Record<string, unknown>): string | undefined {
  const list = blocks as { type: string; text: { type: string; text: string } }[];
  if (typeof text !== 'string' || text === '') return 'no_text';
  if (list.length > 50 || list.some((block) => block.type !== 'section' || block.text.text.length > 3_000))
    return 'invalid_blocks';
  return undefined;
}

notifierContract({ test, expect }, slack, {
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

test('what Slack would read as markup is only text', async () => {
  const receiver = await startReceiver(wrong);
  await slack.create({ url: receiver.url }, surroundings).send([notice], AbortSignal.timeout(60_000));
  await receiver.stop();
  const { text, blocks } = JSON.parse(receiver.seen[0]!.body);
  expect(text).toBe('Open: music/worker: at the maximum for 10 minutes');
  expect(blocks[0].text.text).toBe(
    ':large_yellow_circle: *<https://headcount.example/apps/music/worker|Open: music/worker: at the maximum for 10 minutes>*\n' +
      '1,240 jobs wait &lt;b&gt;&amp;&lt;/b&gt; the maximum of 8 binds.',
  );
});

test('thirty at once are one message, which says how many it leaves out', async () => {
  const receiver = await startReceiver(wrong);
  const many = Array.from({ length: 30 }, (_, index) => ({ ...notice, title: `trouble ${index}` }));
  await slack.create({ url: receiver.url }, surroundings).send(many, AbortSignal.timeout(60_000));
  await receiver.stop();
  expect(receiver.seen).toHaveLength(1);
  expect(receiver.seen[0]!.body).toContain('10 more; see the dashboard.');
});
