/** Accounts of people: made, looked up, their sessions and what they log in with. better-auth does the work. */

import { randomBytes } from 'node:crypto';
import type { betterAuth } from 'better-auth';
import type { NewPerson, Person } from '../auth.ts';
import { type authOptions, resetSeconds } from './options.ts';

type Library = ReturnType<typeof betterAuth<ReturnType<typeof authOptions>>>;

export interface Session {
  readonly id: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly address?: string;
  /** As the browser names itself. */
  readonly agent?: string;
  readonly isCurrent: boolean;
}

export interface Account {
  readonly hasPassword: boolean;
  readonly secondFactor: boolean;
  readonly passkeys: readonly { readonly id: string; readonly name?: string; readonly createdAt?: number }[];
}

export interface People {
  /** Answers the id. The e-mail must be free. */
  create(person: NewPerson): Promise<string>;
  /** With sessions and all that the account has. */
  remove(id: string): Promise<void>;
  logIn(person: Pick<NewPerson, 'email' | 'password'>, request: Request): Promise<Response>;
  byEmail(email: string): Promise<Person | undefined>;
  byIds(ids: readonly string[]): Promise<(Person & { readonly secondFactor: boolean })[]>;
  account(id: string): Promise<Account>;
  /** Newest first. */
  sessions(id: string, headers: Headers): Promise<Session[]>;
  /** Answers whether the person had such a session. */
  endSession(id: string, sessionId: string): Promise<boolean>;
  /** For a link with which the person may choose a new password once; nothing when there is no such account. */
  newResetToken(email: string): Promise<string | undefined>;
}

type LibraryContext = Awaited<Library['$context']>;

export function createPeople(auth: Library, context: LibraryContext): People {
  const { internalAdapter, adapter } = context;
  const find = async (email: string) => (await internalAdapter.findUserByEmail(email.toLowerCase()))?.user;
  return {
    create: async ({ name, email, password }) => {
      const hash = await context.password.hash(password);
      const user = await internalAdapter.createUser(
        { name, email: email.toLowerCase(), emailVerified: true },
        { method: 'email-password' },
      );
      const account = { providerId: 'credential', accountId: user.id, userId: user.id, password: hash };
      await internalAdapter.linkAccount(account);
      return user.id;
    },
    remove: (id) => internalAdapter.deleteUser(id),
    logIn: ({ email, password }, { headers }) =>
      auth.api.signInEmail({ body: { email, password }, headers, asResponse: true }),
    byEmail: async (email) => {
      const user = await find(email);
      return user && { id: user.id, name: user.name, email: user.email };
    },
    byIds: async (ids) => {
      if (ids.length === 0) return [];
      const users = await adapter.findMany<Person & { twoFactorEnabled?: boolean | null }>({
        model: 'user',
        where: [{ field: 'id', operator: 'in', value: [...ids] }],
        limit: ids.length,
      });
      return users.map(({ id, name, email, twoFactorEnabled }) => ({
        id,
        name,
        email,
        secondFactor: twoFactorEnabled === true,
      }));
    },
    ...accounts(auth, context),
    newResetToken: async (email) => {
      const user = await find(email);
      if (!user) return undefined;
      const token = randomBytes(24).toString('base64url');
      const expiresAt = new Date(Date.now() + resetSeconds * 1000);
      // As better-auth keeps the tokens that it makes itself.
      await internalAdapter.createVerificationValue({
        identifier: `reset-password:${token}`,
        value: user.id,
        expiresAt,
      });
      return token;
    },
  };
}

function accounts(
  auth: Library,
  { internalAdapter, adapter }: LibraryContext,
): Pick<People, 'account' | 'sessions' | 'endSession'> {
  return {
    account: async (id) => {
      const of = { where: [{ field: 'userId', value: id }] };
      const [user, accounts, passkeys] = await Promise.all([
        adapter.findOne<{ twoFactorEnabled?: boolean | null }>({
          model: 'user',
          where: [{ field: 'id', value: id }],
        }),
        internalAdapter.findAccounts(id),
        adapter.findMany<{ id: string; name?: string | null; createdAt?: Date | null }>({
          model: 'passkey',
          ...of,
        }),
      ]);
      return {
        hasPassword: accounts.some(({ providerId }) => providerId === 'credential'),
        secondFactor: user?.twoFactorEnabled === true,
        passkeys: passkeys.map((one) => ({
          id: one.id,
          ...(one.name && { name: one.name }),
          ...(one.createdAt && { createdAt: new Date(one.createdAt).getTime() }),
        })),
      };
    },
    sessions: async (id, headers) => {
      const current = await auth.api.getSession({ headers });
      const sessions = await internalAdapter.listSessions(id);
      return sessions
        .map((session) => ({
          id: session.id,
          createdAt: new Date(session.createdAt).getTime(),
          expiresAt: new Date(session.expiresAt).getTime(),
          ...(session.ipAddress && { address: session.ipAddress }),
          ...(session.userAgent && { agent: session.userAgent }),
          isCurrent: session.id === current?.session.id,
        }))
        .sort((a, b) => b.createdAt - a.createdAt);
    },
    endSession: async (id, sessionId) => {
      const session = (await internalAdapter.listSessions(id)).find((one) => one.id === sessionId);
      if (session) await internalAdapter.deleteSession(session.token);
      return session !== undefined;
    },
  };
}
