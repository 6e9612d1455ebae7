/** Invitations: made by an admin, carried by a link that is shown once and mailed where that is possible, and accepted. */
import { randomBytes } from 'node:crypto';
import { createRoute, z } from '@hono/zod-openapi';
import { HeadcountError } from '../../decide/errors.ts';
import type { Invitation } from '../../store/store.ts';
import { hashOf } from '../access/asker.ts';
import { loginRequired } from '../access/gate.ts';
import { me } from '../api.ts';
import {
  acceptance,
  invitation,
  invitationLook,
  invitationSettings,
  invitationToken,
  newInvitation,
} from '../api-people.ts';
import { type Deps, failures, json, nothing, type Routes } from '../request.ts';
import { organisationId, refuseAbove } from './organisations.ts';

const params = z.object({ organisation: organisationId });
const tags = ['organisations'];
const path = '/api/organisations/{organisation}/invitations';
const validMs = 7 * 24 * 3_600_000;

export function invitationRoutes(api: Routes, deps: Deps): void {
  listRoutes(api, deps);
  inviteRoute(api, deps);
  acceptRoutes(api, deps);
}

function listRoutes(api: Routes, { store }: Deps): void {
  api.openapi(
    createRoute({
      method: 'get',
      path,
      tags,
      summary: 'Who is invited',
      request: { params },
      responses: { 200: json(z.array(invitation), 'Oldest first.'), ...failures },
    }),
    async (c) =>
      c.json((await store.organisations.invitations(c.req.valid('param').organisation)).map(present), 200),
  );

  api.openapi(
    createRoute({
      method: 'delete',
      path: `${path}/{invitation}`,
      tags,
      summary: 'Withdraw an invitation',
      request: { params: params.extend({ invitation: z.string().regex(/^\d{1,9}$/) }) },
      responses: { 204: nothing, ...failures },
    }),
    async (c) => {
      const { organisation, invitation: id } = c.req.valid('param');
      await store.organisations.withdraw(organisation, id);
      return c.body(null, 204);
    },
  );
}

function inviteRoute(api: Routes, { store, auth, now, publicUrl }: Deps): void {
  api.openapi(
    createRoute({
      method: 'post',
      path,
      tags,
      summary: 'Invite somebody; an earlier invitation to the same e-mail ends',
      request: { params, body: { required: true, ...json(invitationSettings, 'Whom, and as what.') } },
      responses: { 201: json(newInvitation, 'The invitation with its token.'), ...failures },
    }),
    async (c) => {
      const { email, role } = c.req.valid('json');
      const { organisation } = c.req.valid('param');
      refuseAbove(c.get('access').role, role);
      const token = randomBytes(24).toString('base64url');
      const by = c.get('person')?.name ?? '';
      const made = await store.organisations.invite({
        organisationId: organisation,
        email: email.toLowerCase(),
        role,
        tokenHash: hashOf(token),
        invitedBy: by,
        createdAt: now(),
        expiresAt: now() + validMs,
      });
      const mailed =
        publicUrl !== undefined &&
        (await auth.mailer.send(
          made.email,
          'An invitation to Headcount',
          `${by} invites you to Headcount as ${role}.\n\nOpen this link within 7 days:\n${publicUrl}/join#token=${token}\n`,
        ));
      return c.json({ ...present(made), token, mailed }, 201);
    },
  );
}

function acceptRoutes(api: Routes, deps: Deps): void {
  const { store, auth, now } = deps;

  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/invitations/look',
      tags,
      summary: 'What an invitation is for',
      security: [],
      request: { body: { required: true, ...json(invitationToken, 'Of the link.') } },
      responses: { 200: json(invitationLook, 'The invitation.'), ...failures },
    }),
    async (c) => {
      const found = await find(deps, c.req.valid('json').token);
      const all = await store.organisations.list();
      const organisation = all.find(({ id }) => id === found.organisationId)?.name ?? '';
      const hasAccount = (await auth.people.byEmail(found.email)) !== undefined;
      return c.json({ organisation, email: found.email, role: found.role, hasAccount }, 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/invitations/accept',
      tags,
      summary:
        'Accept an invitation: logged in as whom it is for, or with a name and a password for a new account',
      security: [],
      request: { body: { required: true, ...json(acceptance, 'The link is valid once.') } },
      responses: { 200: json(me, 'Done; a new account is logged in.'), ...failures },
    }),
    async (c) => {
      const { token, name, password } = c.req.valid('json');
      const found = await find(deps, token);
      const asker = c.get('person');
      if (asker?.personId) {
        if (asker.email.toLowerCase() !== found.email) throw notYours(found.email);
        await accept(token, asker.personId, asker.email);
        return c.json({ loggedIn: true, setUpNeeded: false, name: asker.name, email: asker.email }, 200);
      }
      if (await auth.people.byEmail(found.email)) throw loginRequired();
      if (name === undefined || password === undefined) throw incomplete();
      const person = { name, email: found.email, password };
      const id = await auth.people.create(person).catch(() => {
        throw invalid();
      });
      await accept(token, id, found.email).catch(async (error) => {
        await auth.people.remove(id);
        throw error;
      });
      const loggedIn = await auth.people.logIn(person, c.req.raw);
      for (const cookie of loggedIn.headers.getSetCookie()) c.header('set-cookie', cookie, { append: true });
      return c.json({ loggedIn: loggedIn.ok, setUpNeeded: false, name, email: found.email }, 200);
    },
  );

  async function accept(token: string, personId: string, who: string): Promise<void> {
    const accepted = await store.organisations.accept(hashOf(token), personId, now());
    if (!accepted) throw invalid();
    await store.audit.record({
      organisationId: accepted.organisationId,
      at: now(),
      who,
      by: 'session',
      address: '',
      action: 'POST /api/invitations/accept',
      subject: '/api/invitations/accept',
      after: { email: accepted.email, role: accepted.role },
    });
  }
}

async function find({ store, now }: Deps, token: string): Promise<Invitation> {
  const found = await store.organisations.invitation(hashOf(token), now());
  if (!found) throw invalid();
  return found;
}

function present({ organisationId: _, ...shown }: Invitation): Omit<Invitation, 'organisationId'> {
  return shown;
}

function invalid(): HeadcountError {
  return new HeadcountError(
    'INVITATION_INVALID',
    'This invitation is not valid',
    'it was used, withdrawn, replaced, or is older than 7 days',
    'Ask for a new one.',
  );
}

function notYours(email: string): HeadcountError {
  return new HeadcountError(
    'INVITATION_INVALID',
    'This invitation is for somebody else',
    `it is for ${email}`,
    'Log out, then open its link again.',
  );
}

function incomplete(): HeadcountError {
  return new HeadcountError(
    'BODY_INVALID',
    'The invitation cannot be accepted',
    'there is no account yet, and no name and password for one',
    'Send name and password.',
  );
}
