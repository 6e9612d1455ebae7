/**
 * Who may use this controller: people with e-mail and password, a second factor or a passkey (better-auth keeps accounts and
 * sessions, in the same store), programs by keys, and the command line on this machine, by the key in controller.json.
 *
 * Sign-up is closed. The first person comes in by a set-up link that is made at each start while there is nobody;
 * the store keeps only its hash, and one use ends it, also when two use it at once. Others come by an invitation. A password
 * printed at the first start was rejected: it would stay in logs and stay valid.
 */
import { randomBytes } from 'node:crypto';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { type Kysely, sql } from 'kysely';
import type { Logger } from 'pino';
import { HeadcountError } from '../decide/errors.ts';
import type { OpenStore } from '../store/open.ts';
import { hashOf, sameText } from './access/asker.ts';
import { firstOrganisation } from './access/gate.ts';
import { createKeys, type Keys } from './access/keys.ts';
import { createMailer, type Mailer } from './access/mail.ts';
import { authOptions, type Given, resetSeconds, type SingleSignOn } from './access/options.ts';
import { createPeople, type People } from './access/people.ts';
import { wordsOf } from './clock.ts';
import { prefixOf } from './path-prefix.ts';

export { sameText } from './access/asker.ts';
export { passwordLengths, peerHeader } from './access/options.ts';

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly email: string;
}

export interface NewPerson {
  readonly name: string;
  readonly email: string;
  readonly password: string;
}

export interface SetUp extends NewPerson {
  readonly token: string;
}

export interface Auth {
  /** Answers everything under /api/auth/. */
  handle(request: Request): Promise<Response>;
  /** Whose session the cookies of these headers carry. */
  who(headers: Headers): Promise<Person | undefined>;
  nobodyYet(): Promise<boolean>;
  /** A new token for the set-up link, which ends the one before; nothing when there is somebody. */
  newSetUpToken(): Promise<string | undefined>;
  /** Makes the first person, owner of the first organisation, and logs them in. @throws HeadcountError SETUP_LINK_INVALID */
  setUp(given: SetUp, request: Request): Promise<Response>;
  readonly people: People;
  readonly keys: Keys;
  readonly mailer: Mailer;
  /** What the button of single sign-on says. Absent: there is none. */
  readonly singleSignOn?: string;
}

export interface AuthOptions {
  readonly store: OpenStore;
  readonly log: Logger;
  /** Absent: the address of each request counts, and cookies are not marked secure. */
  readonly publicUrl?: string;
  readonly singleSignOn?: SingleSignOn;
}

const tokenKey = 'setup.tokenHash';

export async function createAuth({ store, log, publicUrl, singleSignOn }: AuthOptions): Promise<Auth> {
  const secret = await store.settings.setOnce('auth.secret', randomBytes(32).toString('base64url'));
  const mailer = createMailer(store, log);
  const given: Given = {
    db: store.kysely,
    secret,
    log,
    publicUrl,
    singleSignOn,
    tellReset: async ({ email }, token) => {
      mailReset(mailer, log, publicUrl, email, token);
    },
  };
  const auth = betterAuth(authOptions(given));
  await migrate(given);
  const context = await auth.$context;
  const people = createPeople(auth, context);
  await adopt(store);
  const nobodyYet = async (): Promise<boolean> =>
    (await store.organisations.members(firstOrganisation)).every(({ role }) => role !== 'owner');
  const claim = async (token: string): Promise<void> => {
    const expected = await store.settings.get(tokenKey);
    if (!expected || !sameText(expected, hashOf(token)) || !(await nobodyYet())) throw linkInvalid();
    const mine = randomBytes(16).toString('hex');
    if ((await store.settings.setOnce(`setup.used.${expected}`, mine)) !== mine) throw linkInvalid();
  };
  return {
    handle: (request) => auth.handler(atItsAddress(request, publicUrl)),
    who: async (headers) => {
      if (!headers.has('cookie')) return undefined;
      const session = await auth.api.getSession({ headers });
      if (!session) return undefined;
      const { id, name, email } = session.user;
      return { id, name, email };
    },
    nobodyYet,
    newSetUpToken: async () => {
      if (!(await nobodyYet())) return undefined;
      const token = randomBytes(24).toString('base64url');
      await store.settings.set(tokenKey, hashOf(token));
      return token;
    },
    setUp: async ({ token, ...person }, request) => {
      await claim(token);
      const id = await people.create(person);
      await store.organisations.join(firstOrganisation, id, 'owner', Date.now());
      log.info('the first person is set up');
      return await people.logIn(person, request);
    },
    people,
    mailer,
    keys: createKeys({
      create: (body) => auth.api.createApiKey({ body }),
      verify: (key) => auth.api.verifyApiKey({ body: { key } }),
      rows: (referenceId) =>
        context.adapter.findMany({ model: 'apikey', where: [{ field: 'referenceId', value: referenceId }] }),
      remove: (id) => context.adapter.delete({ model: 'apikey', where: [{ field: 'id', value: id }] }),
    }),
    ...(singleSignOn && { singleSignOn: singleSignOn.name }),
  };
}

/** Not awaited by who asks: the time of an answer would tell whether there is such an account. */
function mailReset(
  mailer: Mailer,
  log: Logger,
  publicUrl: string | undefined,
  email: string,
  token: string,
): void {
  // Without an address of our own a link could only be made from the request, in which anybody can write any host.
  if (!publicUrl) {
    log.warn('a new password was asked for by mail; set publicUrl so that its link can be sent');
    return;
  }
  const text = `Somebody, you we hope, asked for a new password for Headcount.\n\nOpen this link within ${resetSeconds / 60} minutes to choose one:\n${publicUrl}/reset#token=${token}\n\nIf it was not you, do nothing.\n`;
  void mailer.send(email, 'A new password for Headcount', text);
}

/**
 * People from before there were organisations become owners of the first one, as they could do everything. Once: who comes
 * later, by single sign-on say, is nobody's owner.
 */
async function adopt({ kysely, organisations, settings }: OpenStore): Promise<void> {
  if (await settings.get('people.adopted')) return;
  const people = await sql<{ id: string }>`select id from people order by "createdAt"`.execute(kysely);
  for (const { id } of people.rows) await organisations.join(firstOrganisation, id, 'owner', Date.now());
  await settings.set('people.adopted', 'yes');
}

/** Makes the tables of people and sessions, or adds what a newer version needs. One controller at a time. */
async function migrate(given: Given): Promise<void> {
  await given.db.connection().execute(async (db) => {
    const lock = sql`SELECT pg_advisory_lock(hashtext('headcount.people'))`;
    await lock.execute(db);
    try {
      const { runMigrations, toBeCreated, toBeAdded } = await getMigrations(
        authOptions({ ...given, db: db as Kysely<never>, publicUrl: undefined, singleSignOn: undefined }),
      );
      if (toBeCreated.length + toBeAdded.length > 0) await runMigrations();
    } catch (error) {
      throw new HeadcountError(
        'STORE_UNREACHABLE',
        'The tables of people cannot be made',
        wordsOf(error),
        'Look at the database, then start again.',
        { cause: error },
      );
    } finally {
      await sql`SELECT pg_advisory_unlock(hashtext('headcount.people'))`.execute(db);
    }
  });
}

function linkInvalid(): HeadcountError {
  return new HeadcountError(
    'SETUP_LINK_INVALID',
    'This set-up link is not valid',
    'it was used, or a newer one was made',
    'Log in, or start the controller anew: it prints a new link while there is nobody.',
  );
}

/** Below a path better-auth knows its calls by their whole path; here they come without it. */
function atItsAddress(request: Request, publicUrl: string | undefined): Request {
  const prefix = prefixOf(publicUrl);
  if (prefix === '') return request;
  const url = new URL(request.url);
  url.pathname = `${prefix}${url.pathname}`;
  return new Request(url, request);
}
