/** The link for a new password, asked of a real controller. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type OpenController, openController } from '../checks/open-controller.ts';
import { resetPassword } from './reset-password.ts';

let controller: OpenController;

beforeAll(async () => {
  controller = await openController('reset-password');
  const token = new URLSearchParams(new URL(controller.setUpLink ?? '').hash.slice(1)).get('token');
  const made = await post('/api/setup', {
    token,
    name: 'Ann',
    email: 'ann@example.com',
    password: 'a first password',
  });
  expect(made.status).toBe(200);
}, 120_000);

afterAll(() => controller?.close(), 60_000);

const post = (path: string, body: unknown) =>
  fetch(`${controller.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

test('prints a link that sets a new password once', async () => {
  let text = '';
  const data = `${controller.folder}/.headcount`;
  const write = (more: string): void => {
    text += more;
  };
  expect(await resetPassword({ email: 'Ann@Example.com', data, write })).toBe(0);
  expect(text).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/reset#token=[\w-]{32}\n$/);
  const token = text.trim().split('=')[1];
  const reset = { token, newPassword: 'a second password' };
  expect((await post('/api/auth/reset-password', reset)).status).toBe(200);
  expect((await post('/api/auth/reset-password', reset)).status).toBe(422);
  const logIn = { email: 'ann@example.com', password: 'a second password' };
  expect((await post('/api/auth/sign-in/email', logIn)).status).toBe(200);
});

test('of an unknown person says so', async () => {
  const data = `${controller.folder}/.headcount`;
  await expect(resetPassword({ email: 'who@example.com', data })).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
});
