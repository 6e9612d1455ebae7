/**
 * Slack's incoming webhooks: `POST {text, blocks}` to a secret address. `text` is what a phone shows; the blocks are what the
 * channel shows. Source: Slack's documentation of incoming webhooks and Block Kit (50 blocks and 3,000 characters each at most).
 */
import { deliver, problemsWithUrl } from './deliver.ts';
import type { Notice, NotifierKind } from './notifier.ts';
import { headline, listed, subjectOf } from './wording.ts';

const signs = { critical: ':red_circle:', warning: ':large_yellow_circle:', info: ':information_source:' };

export const slack: NotifierKind = {
  use: 'slack',
  title: 'Slack',
  help: 'Posts to a Slack channel by an incoming webhook.',
  options: [
    {
      name: 'url',
      label: 'Webhook address',
      help: 'The address that Slack gives for an incoming webhook.',
      type: 'text',
      secret: true,
    },
  ],
  problems: ({ url }) => problemsWithUrl('url', url),
  create: ({ url }, { post }) => ({
    name: 'slack',
    send: (notices, signal) =>
      deliver(
        post,
        {
          to: 'Slack',
          url: String(url),
          body: JSON.stringify({ text: escaped(subjectOf(notices)), blocks: blocksOf(notices) }),
          todo: 'Make a new incoming webhook in Slack and put its address here.',
        },
        signal,
      ),
  }),
};

function blocksOf(notices: readonly Notice[]): unknown[] {
  const { shown, rest } = listed(notices);
  const blocks = shown.map((notice) => section(textOf(notice)));
  return rest ? [...blocks, section(rest)] : blocks;
}

function textOf(notice: Notice): string {
  const sign = notice.kind === 'resolved' ? ':large_green_circle:' : signs[notice.severity];
  const title = escaped(headline(notice));
  const linked = notice.url ? `<${notice.url}|${title.replaceAll('|', '/')}>` : title;
  return `${sign} *${linked}*${notice.text ? `\n${escaped(notice.text)}` : ''}`.slice(0, 3_000);
}

function section(text: string): unknown {
  return { type: 'section', text: { type: 'mrkdwn', text } };
}

/** The three characters that Slack reads as markup. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
