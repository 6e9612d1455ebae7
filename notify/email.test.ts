/** Against a real SMTP server: the one of Python's standard library, which prints what it receives. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { has } from '../checks/fixtures.ts';
import { freePort, until } from '../checks/servers.ts';
import { notice, notifierContract, plainPost, type Receiver } from './contract.ts';
import { email } from './email.ts';

const surroundings = { post: plainPost, now: () => 0 };
const addresses = { from: 'headcount@example.com', to: 'call@example.com, ops@example.com' };

if (has('python'))
  notifierContract({ test, expect }, email, {
    surroundings,
    nowhere: { ...addresses, server: 'smtp://user:very-secret@127.0.0.1:9' },
    receiver: startMailServer,
  });

test('addresses that are none are told when they are saved', () => {
  expect(email.problems?.({ server: 'mail.example.com', from: 'x', to: 'a@b.c,nobody' })).toHaveLength(3);
  expect(email.problems?.({ ...addresses, server: 'smtps://u:p@mail.example.com' })).toEqual([]);
});

test.skipIf(!has('python'))('the mail says what happened, to everybody', async () => {
  const server = await startMailServer();
  const options = server.options as Record<string, string>;
  await email.create(options, surroundings).send([notice], AbortSignal.timeout(60_000));
  await until(async () => (await server.received()).includes('--end--'), 'the mail');
  const text = await server.received();
  await server.stop();
  expect(text).toContain('Subject: Open: music/worker: at the maximum for 10 minutes');
  expect(text).toContain('To: call@example.com, ops@example.com');
  expect(text).toContain('https://headcount.example/apps/music/worker');
});

async function startMailServer(): Promise<Receiver> {
  const port = await freePort();
  const script = `
import asyncore, sys, warnings
warnings.simplefilter('ignore')
import smtpd
class Server(smtpd.SMTPServer):
    def process_message(self, peer, mailfrom, rcpttos, data, **options):
        if refusing: return '550 no such mailbox'
        print(data.decode(), flush=True)
        print('--end--', flush=True)
class Control(asyncore.file_dispatcher):
    def handle_read(self):
        global refusing
        self.recv(100)
        refusing = True
        print('refusing', flush=True)
refusing = False
Server(('127.0.0.1', ${port}), None)
Control(sys.stdin)
print('ready', flush=True)
asyncore.loop(timeout=0.1)
`;
  const child = spawn('python3', ['-W', 'ignore', '-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  await until(() => lines.includes('ready'), 'the mail server');
  return {
    options: { ...addresses, server: `smtp://127.0.0.1:${port}` },
    received: async () => lines.join('\n'),
    refuse: () => {
      child.stdin.write('x');
      return until(() => lines.includes('refusing'), 'the refusal');
    },
    stop: () => child.kill('SIGKILL'),
  };
}
