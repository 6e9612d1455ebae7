/** Letters to single people, by the SMTP server of the first organisation's e-mail channel. */
import type { Logger } from 'pino';
import type { Store } from '../../store/store.ts';
import { wordsOf } from '../clock.ts';
import { firstOrganisation } from './gate.ts';

export interface Mailer {
  available(): Promise<boolean>;
  /** Answers whether the server took it. Never rejects; ends within about 40 s. */
  send(to: string, subject: string, text: string): Promise<boolean>;
}

export function createMailer({ channels }: Pick<Store, 'channels'>, log: Logger): Mailer {
  const server = async (): Promise<{ url: string; from: string } | undefined> => {
    const channel = (await channels.list()).find(
      ({ notifier, organisationId }) => notifier.use === 'email' && organisationId === firstOrganisation,
    );
    if (!channel) return undefined;
    const { server: url, from } = channel.notifier.options;
    return { url: String(url), from: String(from) };
  };
  return {
    available: async () => (await server()) !== undefined,
    send: async (to, subject, text) => {
      const found = await server();
      if (!found) return false;
      try {
        const { createTransport } = await import('nodemailer');
        const transport = createTransport({
          url: found.url,
          connectionTimeout: 10_000,
          greetingTimeout: 10_000,
          socketTimeout: 20_000,
          disableFileAccess: true,
          disableUrlAccess: true,
        });
        try {
          await transport.sendMail({ from: found.from, to, subject, text });
        } finally {
          transport.close();
        }
        return true;
      } catch (error) {
        log.warn(`a letter could not be sent: ${wordsOf(error)}`);
        return false;
      }
    },
  };
}
