/** Every page, light and wide, and dark at 390 px: nothing sticks out, axe finds nothing, and no script complains. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { has } from '../checks/fixtures.ts';
import { bothLooks, faultsOf } from './browser.ts';
import { scriptBytesOfPage } from './first-load.ts';
import { longApp, longType } from './fixture-data.ts';
import { openFixture } from './open-fixture.ts';

/** Each address with something that is there once the page has loaded. */
const pages: [string, string][] = [
  ['/', 'text=managers to look at'],
  ['/cost', 'text=By app and process type'],
  ['/apps/catalogue', 'text=Where it runs'],
  ['/apps/fresh', 'text=Nothing is managed yet'],
  ['/apps/catalogue/worker', 'canvas >> nth=2'],
  ['/apps/catalogue/web', 'text=no meter of this manager tells'],
  ['/apps/catalogue/worker?view=settings', 'text=Celery on Redis'],
  ['/apps/royalties/worker?span=7d', 'text=refused the connection'],
  ['/apps/royalties/nightly', 'text=Held at 4'],
  [`/apps/${longApp}/${longType}`, 'canvas >> nth=2'],
  ['/apps/catalogue/nobody', 'text=Nothing manages'],
  ['/issues', 'text=Earlier issues'],
  ['/issues?app=catalogue', 'text=Nothing needs you'],
  ['/decisions', 'text=dry run'],
  ['/decisions?only=failures&app=fresh', 'text=No decision is like this'],
  ['/tasks', 'text=SoftTimeLimitExceeded'],
  ['/tasks?app=fresh', 'text=It takes a meter that can listen'],
  ['/tasks?app=royalties', 'text=Nobody listens'],
  ['/settings/channels', 'text=535 wrong password'],
  ['/apps/catalogue/worker?span=1y', 'canvas >> nth=2'],
  ['/nowhere/at/all', 'text=There is no such page'],
];

describe.skipIf(!has('chromium'))('every page', () => {
  const { browser, fixture } = openFixture();
  beforeAll(() => {
    expect(
      existsSync(fileURLToPath(new URL('dist/index.html', import.meta.url))),
      'npm run build first',
    ).toBe(true);
  });

  const check = async (page: Page, what: string): Promise<void> => {
    expect(await faultsOf(page), what).toEqual([]);
  };

  test.each(pages)('%s', { timeout: 120_000 }, async (path, landmark) => {
    for (const look of bothLooks) {
      const { page } = await browser.open(fixture.url + path, look);
      await page.locator(landmark).first().waitFor();
      await check(page, JSON.stringify(look));
    }
  });

  test.each([
    ['/login', { loggedIn: false, setUpNeeded: false }, 'text=Password'],
    ['/setup', { loggedIn: false, setUpNeeded: true }, 'text=one-time link'],
    ['/setup#token=good', { loggedIn: false, setUpNeeded: true }, 'text=Create the administrator'],
  ])('%s', { timeout: 120_000 }, async (path, me, landmark) => {
    fixture.state.me = me;
    for (const look of bothLooks) {
      const { page } = await browser.open(fixture.url + path, look);
      await page.locator(landmark).first().waitFor();
      await check(page, JSON.stringify(look));
    }
  });

  test('dialogs and opened parts', { timeout: 120_000 }, async () => {
    for (const look of bothLooks) {
      const { page } = await browser.open(`${fixture.url}/apps/catalogue/worker`, look);
      const what = JSON.stringify(look);
      await page.getByRole('button', { name: /5 → 8/ }).first().click();
      await page.getByText('growing needs no pause').waitFor();
      await check(page, `${what} reasons`);
      await page.getByRole('button', { name: 'Evaluate now' }).click();
      await page.getByRole('dialog').getByText('Readings').waitFor();
      await check(page, `${what} evaluation`);
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      await page.getByRole('button', { name: 'Hold…' }).click();
      await page.getByRole('dialog').getByLabel('Workers').waitFor();
      await check(page, `${what} hold`);
    }
  });

  test('a channel and its form, none, and failures of the lists', { timeout: 120_000 }, async () => {
    for (const look of bothLooks) {
      const what = JSON.stringify(look);
      const { page } = await browser.open(`${fixture.url}/settings/channels`, look);
      await page.getByRole('button', { name: /^Test The team/ }).click();
      await page.getByText('The test was not sent').waitFor();
      await check(page, `${what} tested`);
      await page.getByRole('button', { name: /^Edit The team/ }).click();
      await page.getByRole('dialog').getByLabel('Time zone').waitFor();
      await check(page, `${what} form`);
    }
    fixture.state.channels = [];
    const { page } = await browser.open(`${fixture.url}/settings/channels`);
    await page.getByText('Nobody is told').waitFor();
    await check(page, 'no channel');
    for (const path of ['/api/issues', '/api/decisions', '/api/channels'])
      fixture.state.failing.set(path, 400);
    for (const path of ['/issues', '/decisions', '/settings/channels']) {
      await page.goto(fixture.url + path);
      await page.getByRole('alert').first().waitFor();
      await check(page, `${path} failed`);
    }
  });

  test('the menus and forms of an app', { timeout: 120_000 }, async () => {
    for (const look of bothLooks) {
      const { page } = await browser.open(`${fixture.url}/apps/catalogue`, look);
      const what = JSON.stringify(look);
      await page.getByRole('button', { name: 'Test' }).click();
      await page.getByRole('cell', { name: 'mailer' }).waitFor();
      await page.getByRole('button', { name: 'Reveal' }).click();
      await check(page, `${what} tested`);
      await page.getByRole('button', { name: 'Add a manager' }).click();
      await page.getByRole('button', { name: 'Add a rule' }).click();
      await page.getByRole('menuitem', { name: /Queue size/ }).click();
      await page.getByLabel('Jobs per worker').waitFor();
      await check(page, `${what} adding`);
    }
  });

  test('the first load is at most 250 KB of script', async () => {
    const { page } = await browser.open('about:blank');
    const bytes = await scriptBytesOfPage(page, fixture.url, 'managers to look at');
    expect(bytes).toBeGreaterThan(50_000);
    expect(bytes).toBeLessThanOrEqual(250_000);
  });
});
