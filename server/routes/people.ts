/** Who is asking, the way in, and what people do about their own account. */
import { createRoute, z } from '@hono/zod-openapi';
import { throughDoor } from '../access/doors.ts';
import { loginRequired, roleTooLow } from '../access/gate.ts';
import { me } from '../api.ts';
import { account, logInWays, newPassword, personName, session } from '../api-people.ts';
import { notFound } from '../problem.ts';
import { type Deps, failures, json, nothing, type Routes } from '../request.ts';

const setUp = z
  .object({
    token: z.string().min(1).max(200),
    name: personName,
    email: z.email().max(254),
    password: newPassword,
  })
  .openapi('SetUp');
const tags = ['people'];

export function peopleRoutes(api: Routes, deps: Deps): void {
  meRoutes(api, deps);
  accountRoutes(api, deps);
  resetRoute(api, deps);
  api.on(['GET', 'POST'], '/api/auth/*', async (c) => await throughDoor(deps, c.req.raw));
}

function meRoutes(api: Routes, { auth }: Deps): void {
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/me',
      tags,
      summary: 'Who is asking; answers without a session too',
      security: [],
      responses: { 200: json(me, 'Who it is.'), ...failures },
    }),
    async (c) => {
      const asker = c.get('person');
      const setUpNeeded = await auth.nobodyYet();
      if (!asker) return c.json({ loggedIn: false, setUpNeeded }, 200);
      const { name, email, memberships } = asker;
      const organisations = memberships.map((one) => ({
        id: one.organisationId,
        name: one.name,
        role: one.role,
      }));
      return c.json({ loggedIn: true, setUpNeeded, name, email, organisations }, 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/log-in',
      tags,
      summary: 'By what one can log in',
      security: [],
      responses: { 200: json(logInWays, 'The ways.'), ...failures },
    }),
    async (c) => {
      const { singleSignOn } = auth;
      const resetByMail = await auth.mailer.available();
      return c.json({ ...(singleSignOn && { singleSignOn }), resetByMail }, 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/setup',
      tags,
      summary: 'Make the first person, with the token of the set-up link, and log in',
      security: [],
      request: { body: { required: true, ...json(setUp, 'The link is valid once.') } },
      responses: { 200: json(me, 'Done; the cookie of the session comes with it.'), ...failures },
    }),
    async (c) => {
      const given = c.req.valid('json');
      const loggedIn = await auth.setUp(given, c.req.raw);
      for (const cookie of loggedIn.headers.getSetCookie()) c.header('set-cookie', cookie, { append: true });
      return c.json({ loggedIn: loggedIn.ok, setUpNeeded: false, name: given.name, email: given.email }, 200);
    },
  );
}

function accountRoutes(api: Routes, { auth }: Deps): void {
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/me/account',
      tags,
      summary: 'By what you log in',
      responses: { 200: json(account, 'Your account.'), ...failures },
    }),
    async (c) => {
      const { hasPassword, secondFactor, passkeys } = await auth.people.account(personOf(c.get('person')));
      return c.json({ hasPassword, secondFactor, passkeys: [...passkeys] }, 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/me/sessions',
      tags,
      summary: 'Where you are logged in',
      responses: { 200: json(z.array(session), 'Newest first.'), ...failures },
    }),
    async (c) => c.json(await auth.people.sessions(personOf(c.get('person')), c.req.raw.headers), 200),
  );

  api.openapi(
    createRoute({
      method: 'delete',
      path: '/api/me/sessions/{session}',
      tags,
      summary: 'End one of your sessions',
      request: { params: z.object({ session: z.string().min(1).max(100) }) },
      responses: { 204: nothing, ...failures },
    }),
    async (c) => {
      const { session: id } = c.req.valid('param');
      if (!(await auth.people.endSession(personOf(c.get('person')), id))) throw notFound('such session');
      return c.body(null, 204);
    },
  );
}

function resetRoute(api: Routes, { auth }: Deps): void {
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/reset-links',
      tags,
      summary: 'A link to choose a new password, for the command line of this machine only',
      request: { body: { required: true, ...json(z.object({ email: z.email().max(254) }), 'Whose.') } },
      responses: {
        201: json(z.object({ token: z.string() }), 'For `/reset#token=…`; valid once, for an hour.'),
        ...failures,
      },
    }),
    async (c) => {
      if (c.get('person')?.by !== 'local') throw roleTooLow('controller');
      const { email } = c.req.valid('json');
      const token = await auth.people.newResetToken(email);
      if (!token) throw notFound(`person with the e-mail ${email}`);
      return c.json({ token }, 201);
    },
  );
}

/** @throws HeadcountError LOGIN_REQUIRED for a key, which is nobody's account */
export function personOf(asker: { readonly personId?: string } | undefined): string {
  if (!asker?.personId) throw loginRequired();
  return asker.personId;
}
