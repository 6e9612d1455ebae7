/**
 * What somebody may do here, so that no button is offered which the controller would refuse. It only shows what access/table.ts
 * decides: while the role is not known, the button is there and the controller answers.
 */
import { useQuery } from '@tanstack/react-query';
import type { Role } from '../server/api-people.ts';
import { queries } from './queries.ts';

const ranks: readonly Role[] = ['read-only', 'member', 'admin', 'owner'];

/** For a button: nothing, or that it is disabled and why. */
export type May = { readonly disabled: true; readonly title: string } | Record<string, never>;

interface Membership {
  readonly id: string;
  readonly role: Role;
}

/** @param app Whose things the button changes. Absent: those of the organisation that is chosen. */
export function useMay(least: Role, app?: string): May {
  const { data: me } = useQuery(queries.me());
  const memberships = me?.organisations ?? [];
  // Only somebody with different roles in different organisations needs to know which one the app is of.
  const matters = app !== undefined && new Set(memberships.map(({ role }) => role)).size > 1;
  const { data: known } = useQuery({ ...queries.app(app ?? ''), enabled: matters });
  return mayWith(least, memberships, app === undefined ? memberships[0]?.id : known?.organisationId);
}

/** @param organisationId Absent: not known; then it is enough to have the role somewhere. */
export function mayWith(least: Role, memberships: readonly Membership[], organisationId?: string): May {
  const own = memberships.filter(({ id }) => organisationId === undefined || id === organisationId);
  if (own.length === 0 || own.some(({ role }) => ranks.indexOf(role) >= ranks.indexOf(least))) return {};
  const role = own[0]?.role ?? 'read-only';
  return { disabled: true, title: `Your role is ${role}: ${whoMay[least]}` };
}

const whoMay: Readonly<Record<Role, string>> = {
  'read-only': 'everybody in the organisation may do this.',
  member: 'members, admins and owners may do this.',
  admin: 'admins and owners may do this.',
  owner: 'owners may do this.',
};
