/**
 * Lets a request through, or not, by the table of roles. To whom the thing belongs that a request names is looked up here
 * for all routes: somebody without a role there gets the same 404 as for a name that does not exist, somebody whose role is
 * too low a 403. What a route then shows of lists it filters by `access.organisationIds`.
 */
import type { Context, MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import { HeadcountError } from '../../decide/errors.ts';
import type { Membership, Role } from '../../store/store.ts';
import { notFound } from '../problem.ts';
import type { Deps, Env } from '../request.ts';
import { atLeast, type Least, leastFor } from './table.ts';

/** Who is asking, and where they have which role. */
export interface Asker {
  /** Absent: an API key, or the command line of this machine. */
  readonly personId?: string;
  /** Of the API key that is asking. */
  readonly keyId?: string;
  readonly name: string;
  readonly email: string;
  readonly by: 'session' | 'key' | 'local';
  /** The chosen organisation comes first. */
  readonly memberships: readonly Membership[];
}

export interface Access {
  /** The route as the API document has it: `GET /api/apps/{app}`. */
  readonly route: string;
  /** All in which the asker has a role. */
  readonly organisationIds: readonly string[];
  /** The one that the request is about: of the app, channel or organisation that it names, else the chosen one. */
  readonly organisationId: string;
  /** In that one. Absent: none. */
  readonly role?: Role;
}

/** The one that runs the controller. */
export const firstOrganisation = '1';

export function gate(deps: Deps): MiddlewareHandler<Env> {
  return async (c, next) => {
    const route = routeOf(c);
    const least = route === undefined ? unrouted(c.req.path) : leastFor(route);
    const asker = c.get('person');
    if (!asker && least !== 'anyone') throw loginRequired();
    const memberships = asker?.memberships ?? [];
    const named = asker && least !== 'anyone' ? await ownerOf(deps, c) : undefined;
    const organisationId = (named ?? memberships[0])?.organisationId ?? '';
    const role = memberships.find((one) => one.organisationId === organisationId)?.role;
    if (named && !role) throw notFound(named.what);
    if (!allowed(least, role, memberships, named !== undefined, c.req.method))
      throw roleTooLow(least, memberships.length);
    c.set('access', {
      route: route ?? '',
      organisationIds: memberships.map((one) => one.organisationId),
      organisationId,
      ...(role && { role }),
    });
    await next();
  };
}

function allowed(
  least: Least,
  role: Role | undefined,
  memberships: readonly Membership[],
  isNamed: boolean,
  method: string,
): boolean {
  if (least === 'anyone' || least === 'person') return true;
  if (least === 'controller')
    return memberships.some((one) => one.organisationId === firstOrganisation && one.role === 'owner');
  // A list shows what the asker may see; who is in no organisation sees an empty one.
  if (!isNamed && method === 'GET')
    return least === 'read-only' || memberships.some((one) => atLeast(one.role, least));
  return atLeast(role, least);
}

/** The path of the handler that will answer, as the API document has it; nothing below /api that is none. */
function routeOf(c: Context<Env>): string | undefined {
  const method = c.req.method === 'HEAD' ? 'GET' : c.req.method;
  const found = matchedRoutes(c).find((route) => route.method === method && !route.path.includes('*'));
  return found && `${method} ${found.path.replaceAll(/:([^/{]+)(\{[^}]*\})?/g, '{$1}')}`;
}

/** What better-auth answers looks after itself; an address that is none answers 404, to people only. */
function unrouted(path: string): Least {
  return path.startsWith('/api/auth/') ? 'anyone' : 'person';
}

interface Owner {
  /** Absent: there is no such thing. */
  readonly organisationId: string | undefined;
  readonly what: string;
}

/** Of the app, channel or organisation in the path or the query. Nothing when none is named. */
async function ownerOf(deps: Deps, c: Context<Env>): Promise<Owner | undefined> {
  const route =
    matchedRoutes(c).find(({ path }) => path.startsWith('/api/') && path.includes(':'))?.path ?? '';
  const parts = c.req.path.split('/').map(decoded);
  const named = (parameter: string): string | undefined => {
    const at = route.split('/').indexOf(`:${parameter}`);
    return at > 0 ? parts[at] : undefined;
  };
  const app = named('app') ?? c.req.query('app');
  if (app !== undefined)
    return { organisationId: (await deps.store.apps.get(app))?.organisationId, what: `app "${app}"` };
  const organisationId = named('organisation');
  if (organisationId !== undefined)
    return { organisationId, what: `organisation with the id ${organisationId}` };
  const channel = route.startsWith('/api/channels/:') ? named('id') : undefined;
  if (channel === undefined) return undefined;
  const found = (await deps.store.channels.list()).find(({ id }) => id === channel);
  return { organisationId: found?.organisationId, what: `channel with the id ${channel}` };
}

/** A part of a path; as it is where it cannot be read. */
export function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function loginRequired(): HeadcountError {
  return new HeadcountError(
    'LOGIN_REQUIRED',
    'This needs a login',
    'there is no session, or it has ended',
    'Log in and try again.',
  );
}

export function roleTooLow(least: Least, membershipCount = 1): HeadcountError {
  const needed = least === 'controller' ? 'an owner of the organisation that runs the controller' : least;
  return new HeadcountError(
    'ROLE_TOO_LOW',
    'You may not do this',
    membershipCount === 0 ? 'you are in no organisation' : `it needs the role ${needed}`,
    'Ask an owner of the organisation.',
  );
}
