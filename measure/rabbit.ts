/**
 * One connection to RabbitMQ that a meter keeps between its reads, made at the first read and again at the read after it
 * was lost: one attempt per read and address, so the meter's own rhythm is the backoff.
 *
 * Addresses are written as Celery writes them: `amqp://user:password@host:5672/vhost`, `pyamqp://`, `amqps://` for TLS
 * (`?ssl_cert_reqs=none` where the certificate is the server's own), and several with a semicolon between them: the one that
 * worked last is tried first. The virtual host is what follows the first slash; nothing, or `/`, is the default one.
 *
 * RabbitMQ answers a refused question by closing the channel, so what may be refused is asked on a channel of its own.
 */
import type { Channel, ChannelModel } from 'amqplib';
import { HeadcountError } from '../decide/errors.ts';

export interface RabbitLink {
  /** A connection that is ready. Rejects when there can be none. */
  connected(signal: AbortSignal): Promise<ChannelModel>;
  /** Gives the connection up; the next `connected` makes another. */
  drop(): void;
  /** What went wrong, as a clause that names the server and no password. */
  explain(problem: unknown): string;
}

const connectTimeoutMs = 5_000;
const heartbeatSeconds = 60;
const addressesMaximum = 16;

export function openRabbitLink(urls: string): RabbitLink {
  const addresses = addressesOf(urls);
  const server = `RabbitMQ at ${addresses?.map(({ host }) => host).join(' or ')}`;
  let turn = 0;
  let live: ChannelModel | undefined;
  let lastError: unknown;
  const drop = (): void => {
    void live?.close().catch(() => {});
    live = undefined;
  };
  const connect = async (signal: AbortSignal): Promise<ChannelModel> => {
    if (!addresses) throw badAddress();
    const client = await clientOfRabbit();
    for (let left = addresses.length; ; left--) {
      try {
        signal.throwIfAborted();
        return await open(client, addresses[turn % addresses.length]);
      } catch (problem) {
        turn += 1;
        if (left <= 1) throw problem;
      }
    }
  };
  return {
    connected: async (signal) => {
      if (live) return live;
      const made = await connect(signal);
      // Whoever gave up meanwhile calls drop() no more: a connection kept now would stay for ever.
      if (signal.aborted) void made.close().catch(() => {});
      signal.throwIfAborted();
      lastError = undefined;
      made.on('error', (problem) => {
        lastError = problem;
      });
      made.on('close', () => {
        if (live === made) live = undefined;
      });
      live = made;
      return made;
    },
    drop,
    explain: (problem) =>
      problem instanceof HeadcountError ? problem.message : `${server} ${explainError(problem, lastError)}`,
  };
}

/** Does something on a channel that may be closed by a refusal; a refusal rejects with its code. */
export async function aside<T>(connection: ChannelModel, work: (channel: Channel) => Promise<T>): Promise<T> {
  const channel = await connection.createChannel();
  let refusal: unknown;
  channel.on('error', (problem) => {
    refusal = problem;
  });
  try {
    return await work(channel);
  } catch (problem) {
    throw refusal ?? problem;
  } finally {
    await channel.close().catch(() => {});
  }
}

/** What the server answered with, such as 404. */
export function replyCode(problem: unknown): number | undefined {
  const code = (problem as { code?: unknown } | undefined)?.code;
  return typeof code === 'number' ? code : undefined;
}

interface Address {
  readonly url: string;
  /** With its port. */
  readonly host: string;
  readonly anyCertificate: boolean;
}

/** Undefined when one of them is no address of RabbitMQ. */
function addressesOf(urls: string): Address[] | undefined {
  const parts = urls
    .split(';')
    .map((part) => part.trim().replace(/^pyamqp(s?):/, 'amqp$1:'))
    .filter((part) => part !== '');
  const addresses = parts.flatMap((part) => {
    const url = URL.canParse(part) ? new URL(part) : undefined;
    if (!url || !['amqp:', 'amqps:'].includes(url.protocol)) return [];
    const { searchParams } = url;
    const anyCertificate = /^(cert_)?none$/i.test(searchParams.get('ssl_cert_reqs') ?? '');
    // kombu writes the default virtual host as // or as nothing; amqplib takes what follows the slash as it is.
    if (url.pathname === '' || url.pathname === '/' || url.pathname === '//') url.pathname = '/%2F';
    if (!searchParams.has('heartbeat')) searchParams.set('heartbeat', `${heartbeatSeconds}`);
    const port = url.port || (url.protocol === 'amqps:' ? '5671' : '5672');
    return [{ url: url.href, host: `${url.hostname}:${port}`, anyCertificate }];
  });
  const sound = addresses.length === parts.length && parts.length > 0 && parts.length <= addressesMaximum;
  return sound ? addresses : undefined;
}

type Client = typeof import('amqplib');

async function open(client: Client, address: Address | undefined): Promise<ChannelModel> {
  return await client.connect(address?.url ?? '', {
    noDelay: true,
    keepAlive: true,
    timeout: connectTimeoutMs,
    clientProperties: { product: 'headcount' },
    ...(address?.anyCertificate ? { rejectUnauthorized: false } : {}),
  });
}

async function clientOfRabbit(): Promise<Client> {
  try {
    return await import('amqplib');
  } catch (cause) {
    throw new HeadcountError(
      'PACKAGE_MISSING',
      'the package "amqplib" could not be loaded',
      'a meter of RabbitMQ needs it',
      'Install it: npm install amqplib',
      { cause },
    );
  }
}

function badAddress(): HeadcountError {
  return new HeadcountError(
    'OPTION_INVALID',
    'the url of the meter is no address of RabbitMQ',
    'it begins with amqp:// or amqps://; several have a semicolon between them',
    'Write it like amqp://user:password@127.0.0.1:5672/vhost',
  );
}

const clauses: readonly (readonly [RegExp, string])[] = [
  [/aborted due to timeout/, 'gave no answer in time'],
  [/ECONNREFUSED/, 'refused the connection'],
  [/ENOTFOUND|EAI_AGAIN/, 'cannot be found: its host name is not known'],
  [/ETIMEDOUT|connect timeout/, `took no connection within ${connectTimeoutMs / 1_000} s`],
  [/ACCESS[_-]REFUSED|403/, 'refused the user, the password or the right to it'],
  [
    /NOT_ALLOWED|530|Expected ConnectionOpenOk/,
    'does not let this user into the virtual host, or has none of that name',
  ],
  [/self.signed|unable to verify|certificate/i, 'has a certificate that is not trusted'],
  [/EPROTO|wrong version number|ssl3/i, 'does not speak TLS at this port, or speaks nothing else'],
  [/ECONNRESET|EPIPE|[Cc]hannel (closed|ended)|closed|Socket|hang/, 'cut the connection'],
];

function explainError(...problems: readonly unknown[]): string {
  const texts = problems.flatMap((problem) => {
    if (problem === undefined) return [];
    const { code = '', message = String(problem) } = problem as { code?: unknown; message?: string };
    return [`${String(code)} ${message}`];
  });
  for (const [pattern, clause] of clauses) if (texts.some((text) => pattern.test(text))) return clause;
  return `failed: ${(texts[0] ?? '').trim().slice(0, 200)}`;
}
