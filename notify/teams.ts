/**
 * Microsoft Teams by a workflow ("when a webhook request is received"): an adaptive card inside a message. The older
 * connector cards were rejected: Microsoft has retired them. Source: Microsoft's documentation of Teams workflows and of adaptive cards.
 */
import { deliver, problemsWithUrl } from './deliver.ts';
import type { Notice, NotifierKind } from './notifier.ts';
import { headline, listed, subjectOf } from './wording.ts';

const colours = { critical: 'Attention', warning: 'Warning', info: 'Accent' } as const;

export const teams: NotifierKind = {
  use: 'teams',
  title: 'Microsoft Teams',
  help: 'Posts to a Teams channel by a workflow that receives webhook requests.',
  options: [
    {
      name: 'url',
      label: 'Workflow address',
      help: 'The address that Teams gives for the workflow "When a Teams webhook request is received".',
      type: 'text',
      secret: true,
    },
  ],
  problems: ({ url }) => problemsWithUrl('url', url),
  create: ({ url }, { post }) => ({
    name: 'teams',
    send: (notices, signal) =>
      deliver(
        post,
        {
          to: 'Microsoft Teams',
          url: String(url),
          body: JSON.stringify(messageOf(notices)),
          todo: 'Look whether the workflow is switched on, or make a new one and put its address here.',
        },
        signal,
      ),
  }),
};

function messageOf(notices: readonly Notice[]): unknown {
  const { shown, rest } = listed(notices);
  const content = {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    fallbackText: subjectOf(notices),
    body: [...shown.flatMap(textBlocks), ...(rest ? [textBlock(rest)] : [])],
    ...actions(shown),
  };
  return {
    type: 'message',
    attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive', content }],
  };
}

function textBlocks(notice: Notice): unknown[] {
  const color = notice.kind === 'resolved' ? 'Good' : colours[notice.severity];
  const title = { ...textBlock(headline(notice)), weight: 'Bolder', color };
  return notice.text ? [title, textBlock(notice.text)] : [title];
}

function textBlock(text: string): { type: 'TextBlock'; text: string; wrap: true } {
  return { type: 'TextBlock', text, wrap: true };
}

function actions([first]: readonly Notice[]): object {
  return first?.url ? { actions: [{ type: 'Action.OpenUrl', title: 'Open Headcount', url: first.url }] } : {};
}
