/** Who is asking, and the way in: set-up of the first person, log-in and log-out. */
import { createRoute, z } from '@hono/zod-openapi';
import { HTTPException } from 'hono/http-exception';
import { HeadcountError } from '../../decide/errors.ts';
import { me } from '../api.ts';
import { passwordLengths } from '../auth.ts';
import { type Deps, failures, json, type Routes } from '../request.ts';

const setUp = z
  .object({
    token: z.string().min(1).max(200),
    name: z.string().trim().min(1).max(100),
    email: z.email().max(254),
    password: z.string().min(passwordLengths.minimum).max(passwordLengths.maximum),
  })
  .openapi('SetUp');

export function peopleRoutes(api: Routes, deps: Deps): void {
  const { auth } = deps;

  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/me',
      tags: ['people'],
      summary: 'Who is asking; answers without a session too',
      security: [],
      responses: { 200: json(me, 'Who it is.'), ...failures },
    }),
    async (c) => {
      const person = c.get('person');
      return c.json({ loggedIn: Boolean(person), setUpNeeded: await auth.nobodyYet(), ...person }, 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/setup',
      tags: ['people'],
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

  api.on(['GET', 'POST'], '/api/auth/*', async (c) => {
    const answer = await auth.handle(c.req.raw);
    if (answer.status < 400) return answer;
    if (answer.status >= 500) throw new HTTPException(500, { message: 'better-auth failed' });
    throw await loginError(answer);
  });
}

/** better-auth answers with its own words and codes; what a person can meet of them is told like every other error. */
async function loginError(answer: Response): Promise<HeadcountError> {
  const { message = 'no reason was given' } = (await answer.json().catch(() => ({}))) as { message?: string };
  const why = message.replace(/\.$/, '').toLowerCase();
  if (answer.status === 429)
    return new HeadcountError(
      'TOO_MANY_TRIES',
      'Logging in is closed',
      why,
      'Wait a minute, then try again.',
    );
  if (answer.status === 401)
    return new HeadcountError('LOGIN_FAILED', 'You are not logged in', why, 'Check both and try again.');
  if (answer.status === 403)
    return new HeadcountError(
      'ORIGIN_FOREIGN',
      'The request was refused',
      why,
      'Use the dashboard, at its own address.',
    );
  if (answer.status === 404)
    return new HeadcountError('NOT_FOUND', 'There is no such call', why, 'See /api/openapi.json.');
  return new HeadcountError('BODY_INVALID', 'This was refused', why, 'Mend it and try again.');
}
