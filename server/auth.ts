/**
 * Who may use this controller: people with e-mail and password (better-auth keeps accounts and sessions, in the same store),
 * and the command line on this machine, by the key in controller.json.
 *
 * Sign-up is closed. The first person comes in by a set-up link that is made at each start while there is nobody;
 * the store keeps only its hash, and one use ends it, also when two use it at once. A password printed at the first start
 * was rejected: it would stay in logs and stay valid.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { betterAuth } from 'better-auth';
import { isAPIError } from 'better-auth/api';
import { getMigrations } from 'better-auth/db/migration';
import { type Kysely, sql } from 'kysely';
import type { Logger } from 'pino';
import { HeadcountError } from '../decide/errors.ts';
import type { OpenStore } from '../store/open.ts';
import { wordsOf } from './clock.ts';

export interface Person {
  readonly name: string;
  readonly email: string;
}

export interface SetUp extends Person {
  readonly token: string;
  readonly password: string;
}

export interface Auth {
  /** Answers everything under /api/auth/. */
  handle(request: Request): Promise<Response>;
  /** Whose session the cookies of these headers carry. */
  who(headers: Headers): Promise<Person | undefined>;
  nobodyYet(): Promise<boolean>;
  /** A new token for the set-up link, which ends the one before; nothing when there is somebody. */
  newSetUpToken(): Promise<string | undefined>;
  /** Makes the first person and logs them in. @throws HeadcountError SETUP_LINK_INVALID */
  setUp(given: SetUp, request: Request): Promise<Response>;
}

export interface AuthOptions {
  readonly store: OpenStore;
  readonly log: Logger;
  /** Absent: the address of each request counts, and cookies are not marked secure. */
  readonly publicUrl?: string;
}

/** Header in which http.ts tells the address of the other end; what a client wrote there is overwritten. */
export const peerHeader = 'x-headcount-peer';
export const passwordLengths = { minimum: 12, maximum: 128 };
const tokenKey = 'setup.tokenHash';

export async function createAuth({ store, log, publicUrl }: AuthOptions): Promise<Auth> {
  const secret = await store.settings.setOnce('auth.secret', randomBytes(32).toString('base64url'));
  const auth = betterAuth(authOptions(store.kysely, secret, log, publicUrl));
  await migrate(store.kysely, secret, log);
  const context = await auth.$context;
  const nobodyYet = async (): Promise<boolean> => (await context.adapter.count({ model: 'user' })) === 0;
  const claim = async (token: string): Promise<void> => {
    const expected = await store.settings.get(tokenKey);
    if (!expected || !sameText(expected, hashOf(token)) || !(await nobodyYet())) throw linkInvalid();
    const mine = randomBytes(16).toString('hex');
    if ((await store.settings.setOnce(`setup.used.${expected}`, mine)) !== mine) throw linkInvalid();
  };
  return {
    handle: (request) => auth.handler(request),
    who: async (headers) => {
      if (!headers.has('cookie')) return undefined;
      const session = await auth.api.getSession({ headers });
      return session ? { name: session.user.name, email: session.user.email } : undefined;
    },
    nobodyYet,
    newSetUpToken: async () => {
      if (!(await nobodyYet())) return undefined;
      const token = randomBytes(24).toString('base64url');
      await store.settings.set(tokenKey, hashOf(token));
      return token;
    },
    setUp: async ({ token, name, email, password }, request) => {
      await claim(token);
      const hash = await context.password.hash(password);
      const user = await context.internalAdapter.createUser(
        {
          name,
          email: email.toLowerCase(),
          emailVerified: true,
        },
        { method: 'email-password' },
      );
      const account = { providerId: 'credential', accountId: user.id, userId: user.id, password: hash };
      await context.internalAdapter.linkAccount(account);
      log.info('the first person is set up');
      return await auth.api.signInEmail({
        body: { email, password },
        headers: request.headers,
        asResponse: true,
      });
    },
  };
}

/** True when both are the same, in a time that does not tell how far they agree. */
export function sameText(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(hashOf(a)), Buffer.from(hashOf(b)));
}

function authOptions(db: OpenStore['kysely'], secret: string, log: Logger, publicUrl: string | undefined) {
  return {
    appName: 'Headcount',
    basePath: '/api/auth',
    ...(publicUrl && { baseURL: publicUrl }),
    secret,
    database: { db, type: 'postgres' as const },
    emailAndPassword: {
      enabled: true,
      disableSignUp: true,
      minPasswordLength: passwordLengths.minimum,
      maxPasswordLength: passwordLengths.maximum,
    },
    user: { modelName: 'people' },
    session: { modelName: 'sessions', expiresIn: 7 * 24 * 3600, updateAge: 24 * 3600 },
    account: { modelName: 'accounts' },
    verification: { modelName: 'verifications' },
    // A request from another page is refused before it gets here; better-auth looks too, and a proxy may speak https.
    trustedOrigins: (request?: Request) => (request ? ownOrigins(request) : []),
    onAPIError: {
      onError: (error: unknown) => log[isAPIError(error) ? 'debug' : 'error'](`auth: ${wordsOf(error)}`),
    },
    rateLimit: {
      enabled: true,
      window: 60,
      max: 300,
      customRules: { '/sign-in/email': { window: 60, max: 8 } },
    },
    advanced: {
      cookiePrefix: 'headcount',
      useSecureCookies: publicUrl?.startsWith('https:') ?? false,
      ipAddress: { ipAddressHeaders: [peerHeader] },
    },
    telemetry: { enabled: false },
    logger: {
      level: 'warn' as const,
      log: (level: string, message: string) => log[level === 'error' ? 'warn' : 'debug'](`auth: ${message}`),
    },
  };
}

function ownOrigins({ url }: Request): string[] {
  const { host } = new URL(url);
  return [`http://${host}`, `https://${host}`];
}

/** Makes the tables of people and sessions, or adds what a newer version needs. One controller at a time. */
async function migrate(kysely: OpenStore['kysely'], secret: string, log: Logger): Promise<void> {
  await kysely.connection().execute(async (db) => {
    const lock = sql`SELECT pg_advisory_lock(hashtext('headcount.people'))`;
    await lock.execute(db);
    try {
      const { runMigrations, toBeCreated, toBeAdded } = await getMigrations(
        authOptions(db as Kysely<never>, secret, log, undefined),
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

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
