/** Made-up ways to send a message: one with a secret, one with several fields. */
import type { Adapter } from '../server/api.ts';

export const notifiers: Adapter[] = [
  {
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
  },
  {
    use: 'mail',
    title: 'E-mail',
    help: 'Sends a mail.',
    options: [
      { name: 'to', label: 'To', help: 'Addresses, separated by commas.', type: 'text' },
      { name: 'port', label: 'Port', help: 'Of the server.', type: 'number', default: 587, minimum: 1 },
    ],
  },
];
