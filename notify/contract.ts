/**
 * The suite that every notifier passes, against a receiver that really listens. The test library comes as an argument, so that
 * none reaches a user.
 */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ExpectStatic, TestAPI } from 'vitest';
import { checkOptions } from '../decide/options.ts';
import type { Notice, Notifier, NotifierKind, NotifierSurroundings, Post } from './notifier.ts';

export interface Receiver {
  readonly options: Readonly<Record<string, unknown>>;
  /** The text of everything received so far. */
  received(): Promise<string>;
  /** From now on refuses what comes. */
  refuse(): Promise<unknown>;
  stop(): unknown;
}

export interface NotifierSituations {
  readonly surroundings: NotifierSurroundings;
  receiver(): Promise<Receiver>;
  /** Options that lead to nobody. */
  readonly nowhere: Readonly<Record<string, unknown>>;
}

export const notice: Notice = {
  id: 'n1',
  at: Date.UTC(2026, 0, 2, 3, 4, 5),
  kind: 'opened',
  key: 'music/worker/maximum',
  severity: 'warning',
  app: 'music',
  processType: 'worker',
  title: 'at the maximum for 10 minutes',
  text: '1,240 jobs wait <b>&</b> the maximum of 8 binds.',
  url: 'https://headcount.example/apps/music/worker',
};

export function notifierContract(
  { test, expect }: { readonly test: TestAPI; readonly expect: ExpectStatic },
  kind: NotifierKind,
  { surroundings, receiver, nowhere }: NotifierSituations,
): void {
  const make = (options: Readonly<Record<string, unknown>>): Notifier => {
    const checked = checkOptions(kind.options, options);
    if (!checked.ok) throw new TypeError(checked.problems.join('; '));
    expect(kind.problems?.(checked.options) ?? []).toEqual([]);
    return kind.create(checked.options, surroundings);
  };
  const patient = { timeout: 30_000 };
  const patience = (): AbortSignal => AbortSignal.timeout(60_000);

  test(`${kind.use} delivers one and many`, async () => {
    const there = await receiver();
    try {
      const notifier = make(there.options);
      await notifier.send([notice], patience());
      // What was taken may reach the test a moment later.
      await expect.poll(() => there.received(), patient).toContain('at the maximum for 10 minutes');
      const many = Array.from({ length: 30 }, (_, index) => ({
        ...notice,
        id: `m${index}`,
        key: `k${index}`,
        title: `the ${index}th trouble`,
      }));
      await notifier.send(many, patience());
      await expect.poll(() => there.received(), patient).toContain('the 0th trouble');
    } finally {
      await there.stop();
    }
  });

  test(`${kind.use} says that it was refused, and by whom`, async () => {
    const there = await receiver();
    try {
      await there.refuse();
      await expect(make(there.options).send([notice], patience())).rejects.toMatchObject({
        code: 'NOTIFY_FAILED',
      });
    } finally {
      await there.stop();
    }
  });

  test(`${kind.use} says that nobody is there, without its secrets`, async () => {
    const failure = await make(nowhere)
      .send([notice], patience())
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    expect(failure).toMatchObject({ code: 'NOTIFY_FAILED' });
    const secrets = kind.options.flatMap(({ name, secret }) => (secret ? [String(nowhere[name] ?? '')] : []));
    for (const secret of secrets.filter(Boolean)) expect(String(failure)).not.toContain(secret);
  });

  test(`${kind.use} ends when it is aborted`, async () => {
    const there = await receiver();
    try {
      await expect(make(there.options).send([notice], AbortSignal.abort())).rejects.toThrow();
    } finally {
      await there.stop();
    }
  });

  test(`${kind.use} suggests the option that was meant`, () => {
    const [{ name } = { name: 'url' }] = kind.options;
    const misspelt = `${name}s`;
    const checked = checkOptions(kind.options, { [misspelt]: 'x' });
    expect(checked.ok ? [] : checked.problems.join('; ')).toContain(`did you mean "${name}"`);
  });
}

export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface WebhookReceiver {
  readonly url: string;
  readonly seen: Received[];
  refuse(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * A receiver of webhooks that really listens, and holds what comes to what the service documents.
 *
 * @param wrong what is wrong with a body by the service's documentation; it is answered with 400 then
 */
export async function startReceiver(
  wrong: (body: Record<string, unknown>) => string | undefined,
): Promise<WebhookReceiver> {
  const seen: Received[] = [];
  let refusing = false;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const problem = refusing ? 'no such hook' : wrong(JSON.parse(body));
      if (!problem) seen.push({ headers: request.headers, body });
      response.writeHead(problem ? (refusing ? 404 : 400) : 202).end(problem ?? 'ok');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    seen,
    refuse: async () => {
      refusing = true;
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const plainPost: Post = async ({ url, headers, body, signal }) => {
  const response = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'manual' });
  return { status: response.status, text: await response.text() };
};

/** A port at which nobody listens. */
export const nobody = 'http://127.0.0.1:9/secret-path-of-the-hook';
