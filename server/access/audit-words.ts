/**
 * Every change in plain words, with what it was made to: "Made the API key ci-bot". The words are made when the log is read, from
 * the route and from what stands beside it, so that a better sentence is one for old entries too; storing them was rejected for
 * that. Entries from before a name was kept say what they can. A test goes through the table of roles: a route that changes
 * something and has no words here fails it.
 */
import { decoded } from './gate.ts';

/** As it is stored. */
export interface Change {
  /** Method and path as the API document has them. */
  readonly action: string;
  /** The path that was asked for. */
  readonly subject: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

interface Known {
  /** A parameter of the path. */
  at(parameter: string): string;
  /** A text that was written down, as it was afterwards, or else before. */
  text(name: string): string | undefined;
  readonly before: Readonly<Record<string, unknown>>;
  readonly after: Readonly<Record<string, unknown>>;
}

const app = '/api/apps/{app}';
const manager = `${app}/managers/{processType}`;
const organisation = '/api/organisations/{organisation}';

/** They answer a question, though by another method than GET, or are about nothing but what one looks at. */
export const questions: ReadonlySet<string> = new Set([
  `POST ${manager}/evaluate`,
  `POST ${manager}/what-if`,
  `POST ${app}/test`,
  'POST /api/channels/{id}/test',
  'POST /api/configuration/secrets',
  'POST /api/invitations/look',
  'PUT /api/me/organisation',
]);

export const changes: Readonly<Record<string, (known: Known) => string>> = {
  'POST /api/setup': () => 'Set the controller up',
  'POST /api/apps': ({ text }) => made('Added', 'app', text('name')),
  [`PATCH ${app}`]: ({ at }) => `Changed the app ${at('app')}`,
  [`DELETE ${app}`]: ({ at }) => `Removed the app ${at('app')}`,
  [`POST ${app}/token`]: ({ at }) => `Renewed the token of the app ${at('app')}`,
  [`DELETE ${app}/workers/{worker}`]: ({ at }) => `Let ${at('worker')} of ${at('app')} go`,
  [`POST ${app}/tasks/failures/{task}/send-again`]: ({ at, text }) =>
    `${made('Sent', 'failed task', text('task') ?? at('task'))} of ${at('app')} again`,
  [`POST ${app}/managers`]: (known) => `${made('Added', 'manager', newManager(known))} to ${known.at('app')}`,
  [`PATCH ${manager}`]: (known) => `${changed(known)} ${managed(known)}`,
  [`DELETE ${manager}`]: (known) => `Removed the manager ${managed(known)}`,
  [`PUT ${manager}/hold`]: (known) => `Held ${managed(known)}${held(known)}`,
  [`DELETE ${manager}/hold`]: (known) => `Ended the hold of ${managed(known)}`,

  'POST /api/channels': ({ text }) => made('Added', 'channel', text('name')),
  'PATCH /api/channels/{id}': ({ text }) => made('Changed', 'channel', text('name')),
  'DELETE /api/channels/{id}': ({ text }) => made('Removed', 'channel', text('name')),

  'POST /api/organisations': ({ text }) => made('Added', 'organisation', text('name')),
  [`PATCH ${organisation}`]: (known) => renamed(known),
  [`PATCH ${organisation}/members/{person}`]: (known) => newRole(known),
  [`DELETE ${organisation}/members/{person}`]: (known) => made('Removed', 'member', memberOf(known)?.person),
  [`DELETE ${organisation}/members/me`]: () => 'Left the organisation',
  [`POST ${organisation}/invitations`]: ({ text }) => `Invited ${text('email') ?? 'somebody'}${asRole(text)}`,
  [`DELETE ${organisation}/invitations/{invitation}`]: ({ text }) =>
    text('email') ? `Withdrew the invitation of ${text('email')}` : 'Withdrew an invitation',
  'POST /api/invitations/accept': ({ text }) => `Accepted the invitation${asRole(text)}`,
  [`POST ${organisation}/keys`]: ({ text }) => made('Made', 'API key', text('name')),
  [`DELETE ${organisation}/keys/{key}`]: ({ text }) => made('Revoked', 'API key', text('name')),

  'DELETE /api/me/sessions/{session}': () => 'Ended a session of their own',
  'POST /api/reset-links': ({ text }) =>
    `Made a link for a new password${text('email') ? ` of ${text('email')}` : ''}`,
  'POST /api/auth/change-password': () => 'Changed their password',
  'POST /api/auth/two-factor/enable': () => 'Began to set up a second factor',
  'POST /api/auth/two-factor/disable': () => 'Turned their second factor off',
  'POST /api/auth/two-factor/generate-backup-codes': () => 'Made new backup codes',
  'POST /api/auth/passkey/verify-registration': () => 'Added a passkey',
  'POST /api/auth/passkey/delete-passkey': () => 'Removed a passkey',
};

/** One of a route that is no more is told by its path. */
export function inWords({ action, subject, before, after }: Change): string {
  const tell = Object.hasOwn(changes, action) ? changes[action] : undefined;
  if (!tell) return `${action}: ${subject}`;
  const [was, is] = [recordOf(before), recordOf(after)];
  const parts = subject.split('/');
  const places = action.slice(action.indexOf(' ') + 1).split('/');
  return tell({
    at: (parameter) => decoded(parts[places.indexOf(`{${parameter}}`)] ?? ''),
    text: (name) => [is[name], was[name]].find((value) => typeof value === 'string'),
    before: was,
    after: is,
  });
}

/** "Made the API key ci-bot"; without its name "Made an API key". */
function made(did: string, thing: string, name: string | undefined): string {
  return name ? `${did} the ${thing} ${name}` : `${did} ${/^[aeiou]/i.test(thing) ? 'an' : 'a'} ${thing}`;
}

const managed = ({ at }: Known): string => `${at('processType')} of ${at('app')}`;

/** To pause is what is done most, and is looked for. */
function changed({ after }: Known): string {
  const isPause = Object.keys(after).join() === 'paused';
  return isPause ? (after.paused === true ? 'Paused' : 'Resumed') : 'Changed the manager';
}

function held({ after }: Known): string {
  const { count } = recordOf(after.hold);
  return typeof count === 'number' ? ` at ${count}` : '';
}

function newManager({ before, after }: Known): string | undefined {
  const known = listOf(before.managers);
  return listOf(after.managers).find(
    (name): name is string => typeof name === 'string' && !known.includes(name),
  );
}

function renamed({ before, after }: Known): string {
  if (typeof before.name !== 'string' || typeof after.name !== 'string') return 'Renamed the organisation';
  return `Renamed the organisation ${before.name} to ${after.name}`;
}

function asRole(text: Known['text']): string {
  return text('role') ? ` as ${text('role')}` : '';
}

function newRole(known: Known): string {
  const { person = 'a member', role } = memberOf(known) ?? {};
  return `Changed the role of ${person}${role ? ` to ${role}` : ''}`;
}

/** Who the path names, as written down on either side: an id alone tells a reader nothing. */
function memberOf({ at, before, after }: Known): { person?: string; role?: string } | undefined {
  const member = [...listOf(after.members), ...listOf(before.members)]
    .map(recordOf)
    .find(({ personId }) => personId === at('person'));
  if (!member) return undefined;
  const { person, role } = member;
  return { ...(typeof person === 'string' && { person }), ...(typeof role === 'string' && { role }) };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
