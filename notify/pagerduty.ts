/**
 * PagerDuty's Events API v2: an event opens an incident and one with the same `dedup_key` resolves it, so each notice goes alone.
 * What is not an issue (a scaling) would wake somebody for nothing and is not sent. Source: PagerDuty's documentation of
 * the Events API v2 (summary at most 1,024 characters, dedup_key at most 255).
 */
import { createHash } from 'node:crypto';
import { deliver, problemsWithUrl } from './deliver.ts';
import type { Notice, NotifierKind } from './notifier.ts';
import { headline } from './wording.ts';

export const pagerduty: NotifierKind = {
  use: 'pagerduty',
  title: 'PagerDuty',
  help: 'Opens and resolves incidents. Scalings are not sent.',
  options: [
    {
      name: 'routingKey',
      label: 'Integration key',
      help: 'The key of an "Events API v2" integration of the service.',
      type: 'text',
      secret: true,
    },
    {
      name: 'url',
      label: 'Address of the Events API',
      help: 'Change it for the EU: https://events.eu.pagerduty.com/v2/enqueue.',
      type: 'text',
      default: 'https://events.pagerduty.com/v2/enqueue',
    },
  ],
  problems: ({ url }) => problemsWithUrl('url', url),
  create: ({ url, routingKey }, { post }) => ({
    name: 'pagerduty',
    send: async (notices, signal) => {
      for (const notice of notices.filter(({ kind }) => kind !== 'scaled'))
        await deliver(
          post,
          {
            to: 'PagerDuty',
            url: String(url),
            body: JSON.stringify(eventOf(notice, String(routingKey))),
            todo: 'Look whether the integration key is right and the service is active.',
          },
          signal,
        );
    },
  }),
};

function eventOf(notice: Notice, routingKey: string): unknown {
  return {
    routing_key: routingKey,
    event_action: notice.kind === 'resolved' ? 'resolve' : 'trigger',
    dedup_key: `headcount-${createHash('sha256').update(notice.key).digest('hex')}`,
    payload: {
      summary: headline(notice).slice(0, 1_024),
      source: notice.app,
      severity: notice.severity,
      timestamp: new Date(notice.at).toISOString(),
      ...(notice.processType && { component: notice.processType }),
      custom_details: { text: notice.text },
    },
    client: 'Headcount',
    ...(notice.url && { client_url: notice.url, links: [{ href: notice.url, text: 'Open Headcount' }] }),
  };
}
