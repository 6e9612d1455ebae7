/** Settings and account on a real controller with a real store: people, keys, the audit log, second factor, passkeys. */
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { has } from '../checks/fixtures.ts';
import { codeOf } from '../checks/one-time-code.ts';
import { type OpenController, openController } from '../checks/open-controller.ts';
import { until } from '../checks/servers.ts';
import { faultsOf, type Look, startBrowser, type Visitor } from './browser.ts';

const password = 'correct horse battery';
const shots = process.env.HEADCOUNT_SHOTS;

describe.skipIf(!has('chromium'))('people in the dashboard', { timeout: 180_000 }, () => {
  let controller: OpenController;
  let browser: Visitor;
  /** Passkeys are offered on localhost, and not on 127.0.0.1. */
  let url = '';
  let token = '';
  beforeAll(async () => {
    controller = await openController('people-pages');
    url = controller.url.replace('127.0.0.1', 'localhost');
    token = new URL(controller.setUpLink ?? '').hash;
    browser = await startBrowser(inject('servers').chromium);
  }, 120_000);
  afterEach(async () => {
    expect(await browser.leave()).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await controller?.close();
  }, 60_000);

  const check = async (page: Page, name: string): Promise<void> => {
    if (shots) await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });
    expect(await faultsOf(page), name).toEqual([]);
  };
  const field = (page: Page, name: string) => page.getByRole('textbox', { name });
  const logIn = async (page: Page, email: string): Promise<void> => {
    await field(page, 'E-mail').fill(email);
    await field(page, 'Password').fill(password);
    await page.keyboard.press('Enter');
  };
  const open = async (path: string, look?: Look): Promise<Page> =>
    (await browser.open(url + path, look)).page;
  /** Eight log-ins a minute are let through from one address; the tests need seven. */
  const inside = async (path: string, look?: Look): Promise<Page> => {
    const page = await open(path, look);
    await logIn(page, 'rachel@example.com');
    return page;
  };

  test('an invited colleague, whose role is changed and who is removed; a key; and the log of it all', async () => {
    const page = await open(`/setup${token}`);
    await field(page, 'Name').fill('Rachel');
    await field(page, 'E-mail').fill('rachel@example.com');
    await field(page, 'Password').fill(password);
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'Settings' }).click();
    await page.getByRole('heading', { name: 'My organisation' }).waitFor();
    await field(page, 'Name of the organisation').fill('Music Ltd');
    await page.getByRole('button', { name: 'Rename' }).click();
    await page.getByRole('heading', { name: 'Music Ltd' }).waitFor();
    await field(page, 'E-mail').fill('paul@example.com');
    await page.getByRole('combobox', { name: 'Role', exact: true }).selectOption('read-only');
    await page.getByRole('button', { name: 'Invite', exact: true }).click();
    const link = await page.getByRole('region', { name: 'the link of the invitation' }).textContent();
    expect(link).toMatch(/\/join#token=[\w-]{32}$/);
    await page.getByRole('button', { name: 'Withdraw the invitation of paul@example.com' }).waitFor();

    const other = await open(new URL(link ?? '').pathname + new URL(link ?? '').hash);
    await other.getByText('Music Ltd').waitFor();
    await check(other, 'join');
    await field(other, 'Name').fill('Paul');
    await field(other, 'Password').fill(password);
    await other.getByRole('button', { name: 'Create my account' }).click();
    await other.getByRole('link', { name: 'Settings' }).click();
    await other.getByText('your role: read-only').waitFor();
    expect(await other.getByRole('tab', { name: 'Audit log' }).count()).toBe(0);

    await page.reload();
    await page.getByRole('combobox', { name: 'Role of Paul' }).selectOption('admin');
    await until(async () => {
      await other.reload();
      await other.getByRole('heading', { name: 'Music Ltd' }).waitFor();
      return (await other.getByRole('tab', { name: 'Audit log' }).count()) === 1;
    }, 'the new role');
    await page.getByRole('button', { name: 'Remove… Paul' }).click();
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await page.getByText('paul@example.com').waitFor({ state: 'detached' });
    await other.reload();
    await other.getByText('You are in no organisation').waitFor();

    // A key is made, shown once, and revoked; the audit log tells of it.
    await page.goto(`${url}/settings?part=keys`);
    await page.getByText('There is none yet.').waitFor();
    await field(page, 'Name of the key').fill('deploy');
    await page.getByRole('button', { name: 'Make a key' }).click();
    const key = (await page.getByRole('region', { name: 'the key' }).textContent()) ?? '';
    expect(key).toMatch(/^hc_\w+/);
    const answer = await fetch(`${controller.url}/api/apps`, { headers: { authorization: `Bearer ${key}` } });
    expect(answer.status).toBe(200);
    await page.reload();
    await page.getByRole('button', { name: 'Revoke deploy' }).waitFor();
    expect(await page.content()).not.toContain(key);
    await page.getByRole('button', { name: 'Revoke deploy' }).click();
    await page.getByText('There is none yet.').waitFor();
    await page.getByRole('tab', { name: 'Audit log' }).click();
    const changes = page.getByRole('list', { name: 'Changes' }).getByRole('listitem');
    await changes.first().getByText('Revoked the API key deploy').waitFor();
    expect(await changes.first().textContent()).toContain('Rachel <rachel@example.com>');
    await changes.getByText('Removed the member Paul <paul@example.com>').waitFor();
    await changes.getByText('Changed the role of Paul <paul@example.com> to admin').waitFor();
    expect(await page.content()).not.toContain(key);
  });

  test('another organisation is added, and new apps go to it when it is chosen', async () => {
    const page = await inside('/settings');
    await field(page, 'Name of another organisation').fill('Video Ltd');
    await page.getByRole('button', { name: 'Add an organisation' }).click();
    await page.getByText('Video Ltd is there.').waitFor();
    const choice = page.getByRole('combobox', { name: 'New apps go to' });
    await choice.selectOption('Video Ltd');
    await page.getByRole('heading', { name: 'Video Ltd', level: 1 }).waitFor();
    await check(page, 'organisations');
    const made = await page.evaluate(async () => {
      const body = JSON.stringify({ name: 'clips' });
      const headers = { 'content-type': 'application/json' };
      return await (await fetch('/api/apps', { method: 'POST', headers, body })).json();
    });
    expect(made).toMatchObject({ name: 'clips', organisationId: await choice.inputValue() });
    await choice.selectOption('Music Ltd');
    await page.getByRole('heading', { name: 'Music Ltd', level: 1 }).waitFor();
  });

  test('a passkey is added, logs in without a password, and is removed; another session is ended', async () => {
    const page = await inside('/account');
    await page.getByRole('heading', { name: 'Passkeys' }).waitFor();
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('WebAuthn.enable');
    await devtools.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
    await field(page, 'Name of the passkey').fill('My laptop');
    await page.getByRole('button', { name: 'Add a passkey' }).click();
    await page.getByRole('button', { name: 'Remove My laptop' }).waitFor();
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('button', { name: 'Log in with a passkey' }).click();
    await page.getByRole('button', { name: 'Log out' }).waitFor();
    await page.goto(`${url}/account`);
    await page.getByRole('button', { name: 'Remove My laptop' }).click();
    await page.getByText('None. A passkey logs you in').waitFor();

    const other = await inside('/account');
    await other.getByRole('heading', { name: 'Sessions' }).waitFor();
    await page.reload();
    const ends = page.getByRole('button', { name: /^End the session/ });
    await ends.first().waitFor();
    await until(async () => {
      // A button may go while it is looked at, because its session has just ended; the next look finds the next one.
      if ((await ends.count()) > 0)
        await ends
          .first()
          .click({ timeout: 3_000 })
          .catch(() => undefined);
      await page.getByText('(this one)').waitFor();
      return (await ends.count()) === 0;
    }, 'the end of the other sessions');
    await other.reload();
    await other.getByRole('heading', { name: 'Log in' }).waitFor();
  });

  test('a password link sets a new password; a used one does not', async () => {
    const made = await fetch(`${controller.url}/api/reset-links`, {
      method: 'POST',
      headers: { authorization: `Bearer ${controller.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ email: 'paul@example.com' }),
    });
    const reset = ((await made.json()) as { token: string }).token;
    const page = await open(`/reset#token=${reset}`);
    await field(page, 'New password').fill('a brand new password');
    await check(page, 'reset');
    await page.getByRole('button', { name: 'Set the password' }).click();
    await page.getByText('It is changed').waitFor();
    const again = await open(`/reset#token=${reset}`);
    await field(again, 'New password').fill('a brand new password');
    await again.getByRole('button', { name: 'Set the password' }).click();
    await again.getByText('The password was not changed').waitFor();
  });

  test('with a second factor the log-in asks for a code', async () => {
    const page = await inside('/account');
    await field(page, 'Password, to set up the second factor').fill(password);
    await page.getByRole('button', { name: 'Set up the second factor' }).click();
    await page.getByAltText('QR code of the key below').waitFor();
    const secret = (await page.getByRole('region', { name: 'the key' }).textContent()) ?? '';
    await check(page, 'second-factor');
    await field(page, 'Code of your app').fill(codeOf(secret));
    await page.getByRole('button', { name: 'Turn it on' }).click();
    await page.getByText('On: after the password').waitFor();
    const [backup = ''] = (
      (await page.getByRole('region', { name: 'the backup codes' }).textContent()) ?? ''
    ).split(' ');
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    await logIn(page, 'rachel@example.com');
    await page.getByRole('heading', { name: 'Second step' }).waitFor();
    await check(page, 'second-step');
    await field(page, 'Code of your app').fill('000000');
    await page.keyboard.press('Enter');
    await page.getByText('You are not logged in', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Use a backup code instead' }).click();
    await field(page, 'Backup code').fill(backup);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Log out' }).waitFor();
    await page.goto(`${url}/account`);
    await field(page, 'Password, to turn off the second factor').fill(password);
    await page.getByRole('button', { name: 'Turn off the second factor' }).click();
    await page.getByText('Off. With it a stolen password').waitFor();
  });

  test.each([
    ['light', 1_280],
    ['dark', 390],
  ] as const)('every page of it, %s at %d px', async (scheme, width) => {
    const look = { scheme, width };
    const door = await open('/login', look);
    await door.getByRole('button', { name: 'Log in with a passkey' }).waitFor();
    await check(door, `login-${scheme}`);
    await door.getByRole('button', { name: 'Forgotten the password?' }).click();
    await door.getByText('headcount reset-password').waitFor();
    await check(door, `forgotten-${scheme}`);
    const page = await inside('/settings', look);
    for (const [name, path, landmark] of [
      ['members', '/settings', 'text=rachel@example.com'],
      ['keys', '/settings?part=keys', 'text=A new key'],
      ['audit', '/settings?part=audit', 'text=What changed'],
      ['account', '/account', 'text=(this one)'],
    ] as const) {
      await page.getByRole('button', { name: 'Log out' }).waitFor();
      await page.goto(url + path);
      await page.locator(landmark).first().waitFor();
      await check(page, `${name}-${scheme}`);
    }
  });
});
