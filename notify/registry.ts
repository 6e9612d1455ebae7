/** Every notifier, one line each. */
import { email } from './email.ts';
import type { NotifierKind } from './notifier.ts';
import { pagerduty } from './pagerduty.ts';
import { slack } from './slack.ts';
import { teams } from './teams.ts';
import { webhook } from './webhook.ts';

export const notifiers: readonly NotifierKind[] = [
  email, //
  slack,
  teams,
  pagerduty,
  webhook,
];
