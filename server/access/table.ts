/**
 * Who may call what: the one table that decides it, by method and path as the API document has them. A route that is not
 * in it needs the owner of the controller, so one that was forgotten is closed rather than open, and a test that walks the
 * document names it. Checks inside the routes were rejected: the one that is missing is seen by nobody.
 */
import type { Role } from '../../store/store.ts';

/**
 * `anyone`: also without a login. `person`: anybody who is logged in, about themselves. A role: in the organisation that the
 * path or the query names an app, channel or organisation of; else in any for reading and in the chosen one for changes.
 * `controller`: an owner of the first organisation, for what concerns the whole controller.
 */
export type Least = 'anyone' | 'person' | Role | 'controller';

const app = '/api/apps/{app}';
const manager = `${app}/managers/{processType}`;
const organisation = '/api/organisations/{organisation}';

export const leastRoles: Readonly<Record<string, Least>> = {
  'GET /api/me': 'anyone',
  'POST /api/setup': 'anyone',
  'GET /api/openapi.json': 'anyone',
  'GET /api/docs': 'anyone',
  'GET /api/log-in': 'anyone',
  'POST /api/invitations/look': 'anyone',
  'POST /api/invitations/accept': 'anyone',

  'PUT /api/me/organisation': 'person',
  'GET /api/me/account': 'person',
  'GET /api/me/sessions': 'person',
  'DELETE /api/me/sessions/{session}': 'person',
  'GET /api/organisations': 'person',

  'GET /api/adapters': 'person',
  'GET /api/apps': 'read-only',
  [`GET ${app}`]: 'read-only',
  [`GET ${app}/inbox`]: 'read-only',
  [`GET ${app}/tasks`]: 'read-only',
  [`GET ${app}/workers`]: 'read-only',
  [`GET ${app}/tasks/series`]: 'read-only',
  [`GET ${manager}`]: 'read-only',
  [`GET ${manager}/series`]: 'read-only',
  [`GET ${manager}/decisions`]: 'read-only',
  // It changes nothing.
  [`POST ${manager}/what-if`]: 'read-only',
  'GET /api/decisions': 'read-only',
  'GET /api/overview': 'read-only',
  'GET /api/cost': 'read-only',
  'GET /api/issues': 'read-only',
  'GET /api/channels': 'read-only',
  'GET /api/live': 'read-only',
  [`GET ${organisation}/members`]: 'read-only',

  [`PUT ${manager}/hold`]: 'member',
  [`DELETE ${manager}/hold`]: 'member',
  // To pause; the route itself asks for an admin where more than that is changed.
  [`PATCH ${manager}`]: 'member',
  [`POST ${manager}/evaluate`]: 'member',
  [`POST ${app}/test`]: 'member',
  [`DELETE ${app}/workers/{worker}`]: 'member',
  [`POST ${app}/tasks/failures/{task}/send-again`]: 'member',
  [`DELETE ${organisation}/members/me`]: 'read-only',

  // What it shows has the app's token in it.
  [`GET ${app}/setup-guide`]: 'admin',
  'POST /api/apps': 'admin',
  [`PATCH ${app}`]: 'admin',
  [`DELETE ${app}`]: 'admin',
  [`POST ${app}/token`]: 'admin',
  [`POST ${app}/managers`]: 'admin',
  [`DELETE ${manager}`]: 'admin',
  'POST /api/channels': 'admin',
  'PATCH /api/channels/{id}': 'admin',
  'DELETE /api/channels/{id}': 'admin',
  'POST /api/channels/{id}/test': 'admin',
  [`GET ${organisation}/invitations`]: 'admin',
  [`POST ${organisation}/invitations`]: 'admin',
  [`DELETE ${organisation}/invitations/{invitation}`]: 'admin',
  [`PATCH ${organisation}/members/{person}`]: 'admin',
  [`DELETE ${organisation}/members/{person}`]: 'admin',
  [`GET ${organisation}/keys`]: 'admin',
  [`POST ${organisation}/keys`]: 'admin',
  [`DELETE ${organisation}/keys/{key}`]: 'admin',
  'GET /api/audit': 'admin',

  [`PATCH ${organisation}`]: 'owner',
  'POST /api/organisations': 'controller',
  // Beside that only for the command line of this machine.
  'POST /api/reset-links': 'controller',
  'POST /api/configuration/secrets': 'controller',
  // All there is, of every organisation.
  'GET /api/backup': 'controller',
};

const ranks: Readonly<Record<Role, number>> = { 'read-only': 0, member: 1, admin: 2, owner: 3 };

export function atLeast(role: Role | undefined, least: Role): boolean {
  return role !== undefined && ranks[role] >= ranks[least];
}

/** @param route method and path with parameters in braces */
export function leastFor(route: string): Least {
  return leastRoles[route] ?? 'controller';
}
