/** E-mail by SMTP, as plain text: it reads the same in every program, and nothing in it can run. */
import { HeadcountError } from '../decide/errors.ts';
import { notifyFailed } from './deliver.ts';
import type { NotifierKind } from './notifier.ts';
import { plainText, subjectOf } from './wording.ts';

const todo = 'Look at the address, user and password of the SMTP server, and at its log.';

export const email: NotifierKind = {
  use: 'email',
  title: 'E-mail',
  help: 'Sends e-mail by an SMTP server.',
  options: [
    {
      name: 'server',
      label: 'SMTP server',
      help: 'smtps://user:password@host:465, or smtp://… for port 587 or 25 (TLS is used where the server offers it).',
      type: 'text',
      secret: true,
    },
    { name: 'from', label: 'From', help: 'The address that it is sent from.', type: 'text' },
    { name: 'to', label: 'To', help: 'One address or several, with commas between.', type: 'text' },
  ],
  problems: ({ server, from, to }) => [
    ...(/^smtps?:\/\/./.test(String(server)) && URL.canParse(String(server))
      ? []
      : ['option "server" must begin with smtp:// or smtps://']),
    ...[String(from), ...String(to).split(',')]
      .filter((address) => !/^[^@\r\n]+@[^@\s]+$/.test(address.trim()))
      .map((address) => `"${address.trim()}" is no e-mail address`),
  ],
  create: ({ server, from, to }) => ({
    name: 'email',
    send: async (notices, signal) => {
      const { createTransport } = await load();
      const transport = createTransport({
        url: String(server),
        connectionTimeout: 10_000,
        greetingTimeout: 10_000,
        socketTimeout: 20_000,
        disableFileAccess: true,
        disableUrlAccess: true,
      });
      const stop = (): void => transport.close();
      signal.addEventListener('abort', stop, { once: true });
      try {
        signal.throwIfAborted();
        await transport.sendMail({
          from: String(from),
          to: String(to),
          subject: subjectOf(notices),
          text: plainText(notices),
        });
      } catch (error) {
        throw notifyFailed('The SMTP server', wordsOf(error), todo, error);
      } finally {
        signal.removeEventListener('abort', stop);
        transport.close();
      }
    },
  }),
};

async function load(): Promise<typeof import('nodemailer')> {
  try {
    return await import('nodemailer');
  } catch (cause) {
    throw new HeadcountError(
      'PACKAGE_MISSING',
      'E-mail cannot be sent',
      'the package nodemailer is not installed',
      'Run "npm install nodemailer" beside headcount.',
      { cause },
    );
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
