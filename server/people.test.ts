/** People, end to end and in process: invitations, keys, sessions, passwords, the second factor, single sign-on. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Ground, type Inside, localKey, openGround, openInside } from '../checks/inside.ts';
import { codeOf } from '../checks/one-time-code.ts';
import { until } from '../checks/servers.ts';

const own = 'http://headcount.test';
const local = { authorization: `Bearer ${localKey}` };
const password = 'correct horse battery';
let ground: Ground;
let inside: Inside;
let provider: Provider;
let owner = '';
let visitor = 0;

beforeAll(async () => {
  provider = await startProvider();
  const singleSignOn = {
    name: 'Acme',
    issuer: provider.issuer,
    clientId: 'headcount',
    clientSecret: 's3cret',
  };
  ground = await openGround('people', { publicUrl: own, singleSignOn });
  inside = openInside(ground, { publicUrl: own });
  const token = await ground.auth.newSetUpToken();
  const made = await ask(
    'POST',
    '/api/setup',
    {},
    { token, name: 'Ann', email: 'ann@example.com', password },
  );
  expect(made.status).toBe(200);
  owner = cookieOf(made.headers);
}, 120_000);

afterAll(async () => {
  await inside?.stop();
  await ground?.close();
  await provider?.close();
}, 60_000);

async function ask(method: string, path: string, headers: Record<string, string> = {}, body?: unknown) {
  visitor += 1;
  const response = await inside.http.request(path.startsWith('http') ? path : `${own}${path}`, {
    method,
    headers: {
      origin: own,
      'x-forwarded-for': `10.3.${Math.floor(visitor / 250)}.${visitor % 250}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  return { status: response.status, headers: response.headers, body: isJson && text ? JSON.parse(text) : {} };
}

/** What the audit log says of the last changes, newest first. */
async function saidLast(count: number): Promise<string[]> {
  const { entries } = (await ask('GET', `/api/audit?limit=${count}`, as(owner))).body;
  return entries.map(({ said }: { said: string }) => said);
}

function cookieOf(headers: Headers, before = ''): string {
  const jar = new Map(before.split('; ').filter(Boolean).map(parted));
  for (const line of headers.getSetCookie()) {
    const [name, value] = parted(line.split(';')[0] ?? '');
    if (/max-age=0/i.test(line)) jar.delete(name);
    else jar.set(name, value);
  }
  return [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
}

function parted(text: string): [string, string] {
  const at = text.indexOf('=');
  return [text.slice(0, at), text.slice(at + 1)];
}

const as = (cookie: string): Record<string, string> => ({ cookie });
const logIn = (email: string, word = password) =>
  ask('POST', '/api/auth/sign-in/email', {}, { email, password: word });

async function invite(email: string, role: string): Promise<string> {
  const made = await ask('POST', '/api/organisations/1/invitations', as(owner), { email, role });
  expect(made).toMatchObject({ status: 201, body: { email: email.toLowerCase(), role, mailed: false } });
  return made.body.token;
}

async function join(name: string, role: string): Promise<string> {
  const token = await invite(`${name}@example.com`, role);
  const joined = await ask('POST', '/api/invitations/accept', {}, { token, name, password });
  expect(joined.status).toBe(200);
  return cookieOf(joined.headers);
}

describe('organisations', () => {
  test('an invitation makes a person with its role, and works once', async () => {
    const token = await invite('Bob@Example.com', 'member');
    expect((await ask('POST', '/api/invitations/look', {}, { token })).body).toEqual({
      organisation: 'My organisation',
      email: 'bob@example.com',
      role: 'member',
      hasAccount: false,
    });
    const short = await ask('POST', '/api/invitations/accept', {}, { token, name: 'Bob', password: 'short' });
    expect(short.status).toBe(422);
    const joined = await ask('POST', '/api/invitations/accept', {}, { token, name: 'Bob', password });
    expect(joined).toMatchObject({ status: 200, body: { loggedIn: true, email: 'bob@example.com' } });
    const me = await ask('GET', '/api/me', as(cookieOf(joined.headers)));
    expect(me.body.organisations).toEqual([{ id: '1', name: 'My organisation', role: 'member' }]);
    for (const path of ['/api/invitations/look', '/api/invitations/accept'])
      expect((await ask('POST', path, {}, { token, name: 'X', password })).body.code).toBe(
        'INVITATION_INVALID',
      );
  });

  test('an invitation of a person who is there already is for that person only', async () => {
    const cleo = await join('cleo', 'admin');
    const other = await ask('POST', '/api/organisations', as(owner), { name: 'Second' });
    expect(other.status).toBe(201);
    const path = `/api/organisations/${other.body.id}/invitations`;
    const { token } = (await ask('POST', path, as(owner), { email: 'cleo@example.com', role: 'read-only' }))
      .body;
    expect((await ask('POST', '/api/invitations/accept', {}, { token })).body.code).toBe('LOGIN_REQUIRED');
    const notHers = await ask('POST', '/api/invitations/accept', as(owner), { token });
    expect(notHers.body.code).toBe('INVITATION_INVALID');
    expect((await ask('POST', '/api/invitations/accept', as(cleo), { token })).status).toBe(200);
    const names = async () =>
      (await ask('GET', '/api/organisations', as(cleo))).body.map((one: { name: string }) => one.name);
    expect(await names()).toEqual(['My organisation', 'Second']);
    expect((await ask('PUT', '/api/me/organisation', as(cleo), { id: other.body.id })).status).toBe(204);
    expect(await names()).toEqual(['Second', 'My organisation']);
    // In the chosen one she may only read.
    expect((await ask('POST', '/api/apps', as(cleo), { name: 'cleos' })).body.code).toBe('ROLE_TOO_LOW');
    expect((await ask('PUT', '/api/me/organisation', as(cleo), { id: '77' })).status).toBe(404);
  });

  test('roles are changed, members leave, and a removed one is out at once', async () => {
    const dan = await join('dan', 'read-only');
    const members = (await ask('GET', '/api/organisations/1/members', as(dan))).body;
    const found = members.find((one: { name: string }) => one.name === 'dan');
    expect(found).toMatchObject({ role: 'read-only', isYou: true, secondFactor: false });
    const path = `/api/organisations/1/members/${found.id}`;
    expect((await ask('PATCH', path, as(owner), { role: 'admin' })).status).toBe(204);
    expect((await ask('GET', '/api/organisations/1/keys', as(dan))).status).toBe(200);
    expect((await ask('DELETE', path, as(owner))).status).toBe(204);
    expect((await ask('GET', '/api/organisations/1/members', as(dan))).status).toBe(404);
    expect((await ask('GET', '/api/apps', as(dan))).body).toEqual([]);
    expect((await ask('DELETE', '/api/organisations/1/members/me', as(owner))).body.code).toBe('LAST_OWNER');
    const [removed, changed] = (await ask('GET', '/api/audit', as(owner))).body.entries;
    const dans = { personId: found.id, person: 'dan <dan@example.com>', role: 'admin' };
    expect(changed).toMatchObject({
      action: expect.stringContaining('PATCH'),
      subject: path,
      said: 'Changed the role of dan <dan@example.com> to admin',
    });
    expect(removed.said).toBe('Removed the member dan <dan@example.com>');
    expect(changed.after.members).toContainEqual(dans);
    expect(removed.before.members).toContainEqual(dans);
    expect(JSON.stringify(removed.after)).not.toContain('dan@example.com');
  });

  test('an invitation is withdrawn', async () => {
    const token = await invite('eve@example.com', 'admin');
    const [open] = (await ask('GET', '/api/organisations/1/invitations', as(owner))).body;
    expect(JSON.stringify(open)).not.toContain(token);
    expect((await ask('DELETE', `/api/organisations/1/invitations/${open.id}`, as(owner))).status).toBe(204);
    expect((await ask('POST', '/api/invitations/look', {}, { token })).body.code).toBe('INVITATION_INVALID');
    expect(await saidLast(2)).toEqual([
      'Withdrew the invitation of eve@example.com',
      'Invited eve@example.com as admin',
    ]);
  });
});

test('a key has its role, tells when it was used, expires and is revoked', async () => {
  const path = '/api/organisations/1/keys';
  const made = await ask('POST', path, as(owner), { name: 'deploy', role: 'read-only', expiresInDays: 1 });
  expect(made.body).toMatchObject({
    name: 'deploy',
    role: 'read-only',
    by: 'Ann',
    secret: expect.stringMatching(/^hc_/),
  });
  const key = { authorization: `Bearer ${made.body.secret}` };
  expect((await ask('GET', '/api/apps', key)).status).toBe(200);
  expect((await ask('POST', '/api/apps', key, { name: 'x' })).body.code).toBe('ROLE_TOO_LOW');
  expect((await ask('GET', '/api/me/sessions', key)).status).toBe(401);
  const [listed] = (await ask('GET', path, as(owner))).body;
  expect(listed).toMatchObject({
    name: 'deploy',
    start: made.body.secret.slice(0, 7),
    usedAt: expect.any(Number),
  });
  expect(listed.expiresAt - listed.createdAt).toBeGreaterThan(86_000_000);
  const rows = JSON.stringify(
    await ground.store.kysely
      .selectFrom('api_keys' as never)
      .selectAll()
      .execute(),
  );
  expect(rows).not.toContain(made.body.secret);
  const admin = await ask('POST', path, as(owner), { name: 'terraform', role: 'admin' });
  const adminKey = { authorization: `Bearer ${admin.body.secret}` };
  expect((await ask('POST', '/api/apps', adminKey, { name: 'by-key' })).status).toBe(201);
  expect((await ask('POST', path, adminKey, { name: 'more', role: 'owner' })).body.code).toBe('ROLE_TOO_LOW');
  const { entries } = (await ask('GET', '/api/audit', adminKey)).body;
  expect(entries[0]).toMatchObject({
    who: 'key terraform',
    by: 'key',
    action: 'POST /api/apps',
    said: 'Added the app by-key',
  });
  expect((await ask('DELETE', `${path}/${made.body.id}`, as(owner))).status).toBe(204);
  expect((await ask('GET', '/api/apps', key)).status).toBe(401);
  expect((await ask('DELETE', `${path}/${made.body.id}`, as(owner))).status).toBe(404);
  expect(await saidLast(4)).toEqual([
    'Revoked the API key deploy',
    'Added the app by-key',
    'Made the API key terraform',
    'Made the API key deploy',
  ]);
});

describe('an account', () => {
  test('its sessions are listed and ended; a new password ends the others', async () => {
    const first = await join('fay', 'member');
    const second = cookieOf((await logIn('fay@example.com')).headers);
    const sessions = (await ask('GET', '/api/me/sessions', as(first))).body;
    expect(sessions).toHaveLength(2);
    const current = sessions.filter((one: { isCurrent: boolean }) => one.isCurrent);
    expect(current).toHaveLength(1);
    expect(current[0].address).toMatch(/^10\.3\./);
    const other = sessions.find((one: { isCurrent: boolean }) => !one.isCurrent);
    expect((await ask('DELETE', `/api/me/sessions/${other.id}`, as(owner))).status).toBe(404);
    expect((await ask('DELETE', `/api/me/sessions/${other.id}`, as(first))).status).toBe(204);
    expect((await ask('GET', '/api/apps', as(second))).status).toBe(401);
    const third = cookieOf((await logIn('fay@example.com')).headers);
    const change = {
      currentPassword: password,
      newPassword: 'another horse battery',
      revokeOtherSessions: true,
    };
    const wrong = await ask('POST', '/api/auth/change-password', as(first), {
      ...change,
      currentPassword: 'no',
    });
    expect(wrong.status).toBeGreaterThanOrEqual(400);
    const changed = await ask('POST', '/api/auth/change-password', as(first), change);
    expect(changed.status).toBe(200);
    expect(changed.body).not.toHaveProperty('token');
    expect((await ask('GET', '/api/apps', as(third))).status).toBe(401);
    expect((await logIn('fay@example.com')).status).toBe(401);
    expect((await logIn('fay@example.com', 'another horse battery')).status).toBe(200);
    const { entries } = (await ask('GET', '/api/audit', as(owner))).body;
    expect(entries[0]).toMatchObject({
      who: 'fay <fay@example.com>',
      action: 'POST /api/auth/change-password',
    });
  }, 60_000);

  test('a lost password is replaced by a link from the command line of the machine, once', async () => {
    await join('gus', 'member');
    const email = 'gus@example.com';
    expect((await ask('POST', '/api/reset-links', as(owner), { email })).body.code).toBe('ROLE_TOO_LOW');
    expect((await ask('POST', '/api/reset-links', local, { email: 'who@example.com' })).status).toBe(404);
    const { token } = (await ask('POST', '/api/reset-links', local, { email })).body;
    expect(await saidLast(1)).toEqual([`Made a link for a new password of ${email}`]);
    const choose = (newPassword: string) =>
      ask('POST', '/api/auth/reset-password', {}, { token, newPassword });
    expect((await choose('short')).status).toBe(422);
    expect((await choose('a brand new password')).status).toBe(200);
    expect((await choose('a second new password')).status).toBe(422);
    expect((await logIn(email)).status).toBe(401);
    expect((await logIn(email, 'a brand new password')).status).toBe(200);
  }, 60_000);

  test('with a second factor the password alone does not log in; each backup code works once', async () => {
    let cookie = await join('hal', 'member');
    const enabled = await ask('POST', '/api/auth/two-factor/enable', as(cookie), { password });
    expect(enabled.body.backupCodes).toHaveLength(10);
    const secret = new URL(enabled.body.totpURI).searchParams.get('secret') ?? '';
    const verified = await ask('POST', '/api/auth/two-factor/verify-totp', as(cookie), {
      code: codeOf(secret),
    });
    expect(verified.status).toBe(200);
    cookie = cookieOf(verified.headers, cookie);
    expect((await ask('GET', '/api/me/account', as(cookie))).body).toMatchObject({ secondFactor: true });

    const halfway = await logIn('hal@example.com');
    expect(halfway.body).toMatchObject({ twoFactorRedirect: true });
    const half = cookieOf(halfway.headers);
    expect((await ask('GET', '/api/apps', as(half))).status).toBe(401);
    const wrong = await ask('POST', '/api/auth/two-factor/verify-totp', as(half), { code: '000000' });
    expect(wrong.status).toBe(401);
    const right = await ask('POST', '/api/auth/two-factor/verify-totp', as(half), { code: codeOf(secret) });
    expect(right.status).toBe(200);
    expect((await ask('GET', '/api/apps', as(cookieOf(right.headers, half)))).status).toBe(200);

    const [code] = enabled.body.backupCodes;
    const backup = async () => {
      const step = cookieOf((await logIn('hal@example.com')).headers);
      return (await ask('POST', '/api/auth/two-factor/verify-backup-code', as(step), { code })).status;
    };
    expect(await backup()).toBe(200);
    expect(await backup()).toBe(401);
    const off = await ask('POST', '/api/auth/two-factor/disable', as(cookie), { password });
    expect(off.status).toBe(200);
    expect((await logIn('hal@example.com')).body).not.toHaveProperty('twoFactorRedirect');
  }, 60_000);
});

test('with an e-mail channel and an address of its own, links are mailed', async () => {
  const mail = await startMailServer();
  try {
    const options = {
      server: `smtp://127.0.0.1:${mail.port}`,
      from: 'headcount@example.com',
      to: 'a@b.example',
    };
    const channel = { name: 'mail', notifier: { use: 'email', options }, tells: {} };
    const made = await ask('POST', '/api/channels', as(owner), channel);
    expect(made.status).toBe(201);
    expect((await ask('GET', '/api/log-in')).body.resetByMail).toBe(true);
    const invited = { email: 'kim@example.com', role: 'member' };
    const invitation = await ask('POST', '/api/organisations/1/invitations', as(owner), invited);
    expect(invitation.body.mailed).toBe(true);
    await until(() => mail.text().includes('/join#token'), 'the invitation');
    expect(mail.text()).toContain('To: kim@example.com');
    await ask('POST', '/api/auth/request-password-reset', {}, { email: 'ann@example.com' });
    await until(() => mail.text().includes('/reset#token'), 'the link');
    expect(mail.text()).toContain('To: ann@example.com');
    expect((await ask('DELETE', `/api/channels/${made.body.id}`, as(owner))).status).toBe(204);
  } finally {
    await mail.close();
  }
});

describe('single sign-on', () => {
  /** The whole round through the provider, as a browser goes it. */
  async function signOn(): Promise<{ cookie: string; location: string }> {
    const begun = await ask(
      'POST',
      '/api/auth/sign-in/social',
      {},
      { provider: 'single-sign-on', callbackURL: '/' },
    );
    expect(begun.status).toBe(200);
    const there = await fetch(begun.body.url, { redirect: 'manual' });
    expect(there.status).toBe(302);
    const back = await ask('GET', there.headers.get('location') ?? '', as(cookieOf(begun.headers)));
    expect(back.status).toBe(302);
    return { cookie: cookieOf(back.headers), location: back.headers.get('location') ?? '' };
  }

  test('says its name, makes an account that sees nothing until it is given a role', async () => {
    expect((await ask('GET', '/api/log-in')).body).toEqual({ singleSignOn: 'Acme', resetByMail: false });
    provider.claims = { sub: 'u1', email: 'ivy@acme.example', email_verified: true, name: 'Ivy' };
    const { cookie } = await signOn();
    const me = await ask('GET', '/api/me', as(cookie));
    expect(me.body).toMatchObject({ loggedIn: true, name: 'Ivy', organisations: [] });
    expect((await ask('GET', '/api/apps', as(cookie))).body).toEqual([]);
    const token = await invite('ivy@acme.example', 'admin');
    expect((await ask('POST', '/api/invitations/accept', as(cookie), { token })).status).toBe(200);
    const again = await signOn();
    expect((await ask('GET', '/api/me', as(again.cookie))).body.organisations).toHaveLength(1);
  });

  test.each([
    ['signed by another key', { forged: true }],
    ['for another client', { audience: 'somebody-else' }],
    ['of another issuer', { issuer: 'http://evil.example' }],
    ['too old', { ageSeconds: 7_200 }],
  ])('a token that is %s logs nobody in', async (_, wrong) => {
    provider.claims = { sub: 'u2', email: 'jan@acme.example', email_verified: true, name: 'Jan' };
    provider.wrong = wrong;
    const { cookie, location } = await signOn();
    provider.wrong = {};
    expect(location).toContain('error=');
    expect((await ask('GET', '/api/me', as(cookie))).body.loggedIn).toBe(false);
  });

  test('does not take over an account whose e-mail the provider has not verified', async () => {
    provider.claims = { sub: 'u3', email: 'ann@example.com', email_verified: false, name: 'Not Ann' };
    const { cookie, location } = await signOn();
    expect(location).toContain('error=');
    expect((await ask('GET', '/api/me', as(cookie))).body.loggedIn).toBe(false);
  });
});

/** As much of SMTP as takes a mail. */
async function startMailServer(): Promise<{ port: number; text(): string; close(): Promise<void> }> {
  let taken = '';
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    let inData = false;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    createInterface({ input: socket }).on('line', (line) => {
      if (inData) {
        taken += `${line}\n`;
        if (line !== '.') return;
        inData = false;
        socket.write('250 taken\r\n');
        return;
      }
      inData = line.toUpperCase() === 'DATA';
      socket.write(inData ? '354 go on\r\n' : line.toUpperCase() === 'QUIT' ? '221 bye\r\n' : '250 ok\r\n');
    });
    socket.write('220 here\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    text: () => taken,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Provider {
  readonly issuer: string;
  claims: Record<string, unknown>;
  wrong: { forged?: boolean; audience?: string; issuer?: string; ageSeconds?: number };
  close(): Promise<void>;
}

/** A small OpenID Connect provider: discovery, keys, authorization code, RS256. */
async function startProvider(): Promise<Provider> {
  const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const others = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const nonces = new Map<string, string>();
  const state: Omit<Provider, 'close' | 'issuer'> & { issuer: string } = {
    issuer: '',
    claims: {},
    wrong: {},
  };
  const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const idToken = (code: string): string => {
    const { forged, audience = 'headcount', issuer = state.issuer, ageSeconds = 0 } = state.wrong;
    const now = Math.floor(Date.now() / 1000) - ageSeconds;
    const claims = {
      ...state.claims,
      iss: issuer,
      aud: audience,
      iat: now,
      exp: now + 600,
      nonce: nonces.get(code),
    };
    const signed = `${encoded({ alg: 'RS256', kid: 'k1', typ: 'JWT' })}.${encoded(claims)}`;
    const { privateKey } = forged ? others : keys;
    return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), privateKey).toString('base64url')}`;
  };
  const server: Server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', state.issuer);
    const json = (value: unknown): void =>
      void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    if (url.pathname === '/.well-known/openid-configuration')
      return json({
        issuer: state.issuer,
        authorization_endpoint: `${state.issuer}/authorize`,
        token_endpoint: `${state.issuer}/token`,
        userinfo_endpoint: `${state.issuer}/userinfo`,
        jwks_uri: `${state.issuer}/keys`,
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256'],
      });
    if (url.pathname === '/keys')
      return json({
        keys: [{ ...keys.publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'RS256', use: 'sig' }],
      });
    if (url.pathname === '/userinfo') return json(state.claims);
    if (url.pathname === '/authorize') {
      const code = `code-${nonces.size}`;
      nonces.set(code, url.searchParams.get('nonce') ?? '');
      const back = new URL(url.searchParams.get('redirect_uri') ?? '');
      back.searchParams.set('code', code);
      back.searchParams.set('state', url.searchParams.get('state') ?? '');
      return void response.writeHead(302, { location: String(back) }).end();
    }
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const code = new URLSearchParams(body).get('code') ?? '';
      json({ access_token: 'at', token_type: 'Bearer', expires_in: 600, id_token: idToken(code) });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  state.issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return Object.assign(state, { close });
}
