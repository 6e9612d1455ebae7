/**
 * Writes down every change that was made through the API: by whom, from where, and what it was before and after, with secrets
 * as dots. It stands around all routes, so that a new one cannot forget it. What a route changes is read from the store
 * before and after where this file knows how; of other routes their answer is kept.
 */
import { createHash } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import { wordsOf } from '../clock.ts';
import type { Deps, Env } from '../request.ts';
import { hidden, hideSecrets } from '../settings.ts';
import { changes, questions } from './audit-words.ts';
import { decoded } from './gate.ts';
import { peerHeader } from './options.ts';

/** They change nothing that the store has: their answer says what was done. */
const answering: ReadonlySet<string> = new Set(['POST /api/apps/{app}/tasks/failures/{task}/send-again']);
const answerBytes = 64 * 1024;

export function audited(deps: Deps): MiddlewareHandler<Env> {
  return async (c, next) => {
    const { route = '' } = c.get('access') ?? {};
    // What people change about their own account has no route of ours: better-auth answers it.
    const isChange = route ? !questions.has(route) : Object.hasOwn(changes, `${c.req.method} ${c.req.path}`);
    if (['GET', 'HEAD', 'OPTIONS'].includes(c.req.method) || !isChange) return await next();
    const before = await snapshot(deps, c, route);
    await next();
    if (c.res.status < 400) await record(deps, c, before);
  };
}

/** A change is not taken back because it could not be written down; the log says so. */
async function record(deps: Deps, c: Context<Env>, before: unknown): Promise<void> {
  const asker = c.get('person');
  const access = c.get('access');
  if (!asker || !access?.organisationId) return;
  try {
    const after =
      (await snapshot(deps, c, access.route)) ??
      (before === undefined ? await answered(c, access.route) : undefined);
    const [from, to] = onlyDifferent(before, after);
    await deps.store.audit.record({
      organisationId: access.organisationId,
      at: deps.now(),
      who: asker.email && asker.by === 'session' ? `${asker.name} <${asker.email}>` : asker.name,
      by: asker.by,
      address: c.req.raw.headers.get(peerHeader) ?? '',
      action: access.route || `${c.req.method} ${c.req.path}`,
      subject: c.req.path.slice(0, 500),
      ...(from !== undefined && { before: from }),
      ...(to !== undefined && { after: to }),
    });
  } catch (error) {
    deps.log.error(`a change is not in the audit log: ${wordsOf(error)}`);
  }
}

/** What the request names, as it stands in the store now. */
async function snapshot(deps: Deps, c: Context<Env>, route: string): Promise<unknown> {
  const [, , kind, name = '', , type] = c.req.path.split('/').map(decoded);
  if (kind === 'apps' && name && !answering.has(route))
    return await appOrManager(deps, name, route.includes('{processType}') ? type : undefined);
  if (route.startsWith('PATCH /api/channels/') || route.startsWith('DELETE /api/channels/')) {
    const channel = (await deps.store.channels.list()).find(({ id }) => id === name);
    return channel && { ...channel, notifier: hideSecrets(deps.kinds, 'notifiers', channel.notifier) };
  }
  if (kind === 'organisations' && route.includes('/members/'))
    return { members: await namedMembers(deps, name) };
  if (route.endsWith('/keys/{key}')) return await ofKey(deps, name, type);
  if (route.endsWith('/invitations/{invitation}')) return await ofInvitation(deps, name, type);
  if (route === 'PATCH /api/organisations/{organisation}')
    return (await deps.store.organisations.list()).find(({ id }) => id === name);
  return undefined;
}

/** What goes leaves its name: an id alone tells a reader nothing. */
async function ofKey({ auth }: Deps, organisation: string, id: string | undefined): Promise<unknown> {
  const key = (await auth.keys.list(organisation)).find((one) => one.id === id);
  return key && { name: key.name, role: key.role, start: key.start };
}

async function ofInvitation({ store }: Deps, organisation: string, id: string | undefined): Promise<unknown> {
  const found = (await store.organisations.invitations(organisation)).find((one) => one.id === id);
  return found && { email: found.email, role: found.role };
}

/** With names: an id alone tells a reader nothing once its person has left. */
async function namedMembers({ store, auth }: Deps, organisation: string): Promise<unknown> {
  const members = await store.organisations.members(organisation);
  const people = await auth.people.byIds(members.map(({ personId }) => personId));
  return members.map(({ personId, role }) => {
    const person = people.find(({ id }) => id === personId);
    return { personId, ...(person && { person: `${person.name} <${person.email}>` }), role };
  });
}

async function appOrManager(
  { store, kinds }: Deps,
  name: string,
  type: string | undefined,
): Promise<unknown> {
  const app = await store.apps.get(name);
  if (!app) return undefined;
  if (type !== undefined) {
    const manager = await store.managers.get(app.id, type);
    if (!manager) return undefined;
    const { rules, limits, meters, minimum, maximum, paused, combine, hold } = manager;
    const shown = meters.map((choice) => hideSecrets(kinds, 'meters', choice));
    return {
      rules,
      limits,
      meters: shown,
      minimum,
      maximum,
      paused,
      combine: combine ?? null,
      hold: hold ?? null,
    };
  }
  return {
    url: app.url ?? null,
    fleet: hideSecrets(kinds, 'fleets', app.fleet),
    // Tells that it was changed, and nothing of what it is.
    tokenMark: createHash('sha256').update(app.token).digest('hex').slice(0, 8),
    managers: (await store.managers.list(app.id)).map(({ processType }) => processType),
  };
}

async function answered(c: Context<Env>, route: string): Promise<unknown> {
  // Its answer is a secret alone.
  if (route === 'POST /api/reset-links') return { email: (await c.req.json<{ email: string }>()).email };
  // What better-auth answers is about accounts, and no business of those who read the log.
  if (c.req.path.startsWith('/api/auth/') || !/json/.test(c.res.headers.get('content-type') ?? ''))
    return undefined;
  const text = await c.res.clone().text();
  return text.length > answerBytes ? undefined : masked(JSON.parse(text));
}

const secretNames = /token|secret|password|^link$|codes|uri/i;

/** With dots for what is secret by its name. */
export function masked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(masked);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, secretNames.test(name) ? hidden : masked(inner)]),
  );
}

function onlyDifferent(before: unknown, after: unknown): [unknown, unknown] {
  if (!isRecord(before) || !isRecord(after)) return [before, after];
  // A name stays: it is what the change was made to.
  const names = Object.keys({ ...before, ...after }).filter(
    (name) => name === 'name' || JSON.stringify(before[name]) !== JSON.stringify(after[name]),
  );
  const of = (value: Record<string, unknown>) =>
    Object.fromEntries(names.filter((name) => name in value).map((name) => [name, value[name]]));
  return [of(before), of(after)];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
