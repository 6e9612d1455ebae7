/** Organisations and their members. Who may do what stands in access/table.ts; here only what depends on another's role. */
import { createRoute, z } from '@hono/zod-openapi';
import type { Role } from '../../store/store.ts';
import { roleTooLow } from '../access/gate.ts';
import { atLeast } from '../access/table.ts';
import { member, memberChange, organisation, organisationSettings } from '../api-people.ts';
import { notFound } from '../problem.ts';
import { type Deps, failures, json, nothing, type Routes } from '../request.ts';
import { personOf } from './people.ts';

export const organisationId = z.string().regex(/^\d{1,9}$/);
const params = z.object({ organisation: organisationId });
const memberParams = params.extend({ person: z.string().min(1).max(100) });
const tags = ['organisations'];

export function organisationRoutes(api: Routes, deps: Deps): void {
  listRoutes(api, deps);
  memberRoutes(api, deps);
  changeRoutes(api, deps);
}

function listRoutes(api: Routes, { store, now }: Deps): void {
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/organisations',
      tags,
      summary: 'Organisations in which you have a role',
      responses: { 200: json(z.array(organisation), 'The chosen one first.'), ...failures },
    }),
    async (c) => {
      const all = c.get('person')?.memberships ?? [];
      return c.json(
        all.map((one) => ({ id: one.organisationId, name: one.name, role: one.role })),
        200,
      );
    },
  );

  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/organisations',
      tags,
      summary: 'Add an organisation; you become its owner',
      request: { body: { required: true, ...json(organisationSettings, 'Its name.') } },
      responses: { 201: json(organisation, 'The organisation.'), ...failures },
    }),
    async (c) => {
      const created = await store.organisations.create(
        c.req.valid('json').name,
        personOf(c.get('person')),
        now(),
      );
      return c.json({ ...created, role: 'owner' as const }, 201);
    },
  );

  api.openapi(
    createRoute({
      method: 'patch',
      path: '/api/organisations/{organisation}',
      tags,
      summary: 'Rename an organisation',
      request: { params, body: { required: true, ...json(organisationSettings, 'Its name.') } },
      responses: { 204: nothing, ...failures },
    }),
    async (c) => {
      await store.organisations.rename(c.req.valid('param').organisation, c.req.valid('json').name);
      return c.body(null, 204);
    },
  );

  api.openapi(
    createRoute({
      method: 'put',
      path: '/api/me/organisation',
      tags,
      summary: 'Choose the organisation in which you work: what you add belongs to it',
      request: { body: { required: true, ...json(z.object({ id: organisationId }), 'Which.') } },
      responses: { 204: nothing, ...failures },
    }),
    async (c) => {
      const { id } = c.req.valid('json');
      const personId = personOf(c.get('person'));
      if (!c.get('access').organisationIds.includes(id)) throw notFound(`organisation with the id ${id}`);
      await store.organisations.choose(id, personId, now());
      return c.body(null, 204);
    },
  );
}

function memberRoutes(api: Routes, { store, auth }: Deps): void {
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/organisations/{organisation}/members',
      tags,
      summary: 'Who is in an organisation',
      request: { params },
      responses: { 200: json(z.array(member), 'Oldest first.'), ...failures },
    }),
    async (c) => {
      const members = await store.organisations.members(c.req.valid('param').organisation);
      const people = await auth.people.byIds(members.map(({ personId }) => personId));
      const you = c.get('person')?.personId;
      const shown = members.flatMap(({ personId, role, joinedAt }) => {
        const person = people.find(({ id }) => id === personId);
        return person ? [{ ...person, role, joinedAt, isYou: personId === you }] : [];
      });
      return c.json(shown, 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'delete',
      path: '/api/organisations/{organisation}/members/me',
      tags,
      summary: 'Leave an organisation; its last owner cannot',
      request: { params },
      responses: { 204: nothing, ...failures },
    }),
    async (c) => {
      await store.organisations.leave(c.req.valid('param').organisation, personOf(c.get('person')));
      return c.body(null, 204);
    },
  );
}

function changeRoutes(api: Routes, { store }: Deps): void {
  const roleOf = async (id: string, person: string): Promise<Role> => {
    const found = (await store.organisations.members(id)).find(({ personId }) => personId === person);
    if (!found) throw notFound('such member');
    return found.role;
  };

  api.openapi(
    createRoute({
      method: 'patch',
      path: '/api/organisations/{organisation}/members/{person}',
      tags,
      summary: 'Change the role of a member; owners are changed by owners only',
      request: { params: memberParams, body: { required: true, ...json(memberChange, 'The new role.') } },
      responses: { 204: nothing, ...failures },
    }),
    async (c) => {
      const { organisation: id, person } = c.req.valid('param');
      const { role } = c.req.valid('json');
      refuseAbove(c.get('access').role, await roleOf(id, person));
      refuseAbove(c.get('access').role, role);
      await store.organisations.setRole(id, person, role);
      return c.body(null, 204);
    },
  );

  api.openapi(
    createRoute({
      method: 'delete',
      path: '/api/organisations/{organisation}/members/{person}',
      tags,
      summary: 'Take a member out; owners are taken out by owners only',
      request: { params: memberParams },
      responses: { 204: nothing, ...failures },
    }),
    async (c) => {
      const { organisation: id, person } = c.req.valid('param');
      refuseAbove(c.get('access').role, await roleOf(id, person));
      await store.organisations.leave(id, person);
      return c.body(null, 204);
    },
  );
}

/** Nobody gives, takes or changes a role above their own. @throws HeadcountError ROLE_TOO_LOW */
export function refuseAbove(own: Role | undefined, other: Role): void {
  if (!atLeast(own, other)) throw roleTooLow(other);
}
