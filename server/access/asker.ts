/** Who is asking: the command line of this machine, a program by its key, or a person by the session's cookie. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Deps } from '../request.ts';
import { type Asker, loginRequired } from './gate.ts';

type Needed = Pick<Deps, 'store' | 'auth' | 'key'>;

/** @throws HeadcountError LOGIN_REQUIRED for a key that is none: it is refused rather than ignored */
export async function whoAsks(deps: Needed, headers: Headers): Promise<Asker | undefined> {
  const secret = headers.get('authorization')?.match(/^Bearer (.+)$/)?.[1];
  if (secret === undefined) return await bySession(deps, headers);
  if (secret.startsWith('hc_')) return await byKey(deps, secret);
  if (!sameText(secret, deps.key)) throw loginRequired();
  const all = await deps.store.organisations.list();
  return {
    name: 'local',
    email: 'local@localhost',
    by: 'local',
    memberships: all.map(({ id, name }) => ({ organisationId: id, name, role: 'owner' })),
  };
}

async function byKey({ auth, store }: Needed, secret: string): Promise<Asker> {
  const key = await auth.keys.verify(secret);
  const organisation = key && (await store.organisations.list()).find(({ id }) => id === key.organisationId);
  if (!key || !organisation) throw loginRequired();
  return {
    keyId: key.id,
    name: `key ${key.name}`,
    email: '',
    by: 'key',
    memberships: [{ organisationId: organisation.id, name: organisation.name, role: key.role }],
  };
}

async function bySession({ auth, store }: Needed, headers: Headers): Promise<Asker | undefined> {
  const person = await auth.who(headers);
  if (!person) return undefined;
  const memberships = await store.organisations.memberships(person.id);
  return { personId: person.id, name: person.name, email: person.email, by: 'session', memberships };
}

/** True when both are the same, in a time that does not tell how far they agree. */
export function sameText(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(hashOf(a)), Buffer.from(hashOf(b)));
}

export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
