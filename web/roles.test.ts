/** What each role is offered, in a real browser: a button that the controller would refuse says who may press it. */
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { has } from '../checks/fixtures.ts';
import type { Role } from '../server/api-people.ts';
import { faultsOf } from './browser.ts';
import { openFixture } from './open-fixture.ts';

/** Where it stands, its name, and the least role that presses it. */
const buttons: readonly (readonly [path: string, name: string | RegExp, least: Role])[] = [
  ['/', 'Add an app', 'admin'],
  ['/apps/catalogue', 'Maintenance…', 'member'],
  ['/apps/catalogue', 'Test', 'member'],
  ['/apps/catalogue', 'Add a manager', 'admin'],
  ['/apps/catalogue', 'Remove this app…', 'admin'],
  ['/apps/catalogue/worker', 'Evaluate now', 'member'],
  ['/apps/catalogue/worker', 'Pause', 'member'],
  ['/apps/catalogue/worker?view=settings', 'Remove this manager…', 'admin'],
  ['/workers?app=catalogue', 'Let go… worker.3', 'member'],
  ['/tasks?app=catalogue', 'Send again… 0cc2', 'member'],
  ['/settings/channels', 'Add a channel', 'admin'],
  ['/settings/channels', /^Test /, 'admin'],
];
const ranks: readonly Role[] = ['read-only', 'member', 'admin', 'owner'];

describe.skipIf(!has('chromium'))('what a role is offered', { timeout: 180_000 }, () => {
  const { browser, fixture } = openFixture();
  const openAs = async (role: Role): Promise<Page> => {
    const organisations = [{ id: '1', name: 'Music Ltd', role }];
    fixture.state.me = { loggedIn: true, setUpNeeded: false, name: 'Rachel', organisations };
    return (await browser.open(fixture.url)).page;
  };

  test.each(['read-only', 'member', 'admin'] as const)('%s', async (role) => {
    const page = await openAs(role);
    for (const [path, name, least] of buttons) {
      if (page.url() !== fixture.url + path) await page.goto(fixture.url + path);
      const button = page.getByRole('button', { name, exact: typeof name === 'string' }).first();
      await button.waitFor();
      const may = ranks.indexOf(role) >= ranks.indexOf(least);
      // Until what it needs is there, a button may be the other way.
      await expect.poll(() => button.isEnabled(), { message: `${path} ${name}`, timeout: 30_000 }).toBe(may);
      if (!may) expect(await button.getAttribute('title')).toContain(`Your role is ${role}`);
    }
  });

  test('the token and the set-up are shown to those alone who may have the token', async () => {
    const page = await openAs('member');
    await page.goto(`${fixture.url}/apps/catalogue`);
    await page.getByRole('heading', { name: 'What it answers' }).waitFor();
    expect(await page.getByRole('heading', { name: 'Token' }).count()).toBe(0);
    expect(await page.getByRole('heading', { name: 'Set-up' }).count()).toBe(0);
    expect(await faultsOf(page)).toEqual([]);
    await page.close();
    const other = await openAs('admin');
    await other.goto(`${fixture.url}/apps/catalogue`);
    await other.getByRole('heading', { name: 'Token' }).waitFor();
    await other.getByRole('heading', { name: 'Set-up' }).waitFor();
  });
});
