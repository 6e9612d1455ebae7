/** The overview of few and of many apps, and what they cost, in a real browser against generated data. */
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { has } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import { bothLooks, faultsOf } from './browser.ts';
import { demoApps } from './fixture-data.ts';
import { manyApps } from './fixture-many.ts';
import { openFixture } from './open-fixture.ts';

describe.skipIf(!has('chromium'))('all apps at a glance', { timeout: 120_000 }, () => {
  const { fixture, open } = openFixture();
  const names = async (page: Page): Promise<string[]> =>
    await page.getByRole('heading', { level: 2 }).allInnerTexts();
  const check = async (page: Page): Promise<void> => {
    expect(await faultsOf(page)).toEqual([]);
  };

  test('a line per app: sums that say what they leave out, money, and issues', async () => {
    const page = await open('/');
    const line = (app: string) => page.getByRole('region', { name: app, exact: true }).locator('header');
    await line('catalogue').waitFor();
    const text = async (app: string): Promise<string> => (await line(app).textContent()) ?? '';
    expect(await text('catalogue')).toMatch(
      /past the goal, hiring[\s\S]*8 → 9[\s\S]*12,430[\s\S]*at least \$4\.31/,
    );
    expect(await text('royalties')).toMatch(/reading unknown[\s\S]*at least 120[\s\S]*\$12\.40/);
    await until(async () => /1 open of royalties/.test(await text('royalties')), 'its issue');
    // No price is known where it is a dry run, and nothing of an app without managers.
    expect(await text('fresh')).toMatch(/no manager[\s\S]*–/);
    expect(await text('fresh')).not.toMatch(/\$|unknown/);
    await line('royalties').getByRole('link', { name: '1 open of royalties' }).click();
    await page.getByRole('heading', { name: '1 open issue' }).waitFor();
  });

  test('sorted and filtered by the address, and it stays so', async () => {
    const page = await open('/');
    await page.getByRole('button', { name: 'Cost today' }).click();
    await page.waitForURL(/sort=cost/);
    await until(async () => (await names(page))[0] === 'royalties', 'the dearest first');
    await page.getByRole('button', { name: 'Name', exact: true }).click();
    await page.getByRole('button', { name: 'Name', exact: true }).click();
    await page.waitForURL(/turned=true/);
    await until(async () => (await names(page)).at(-1) === 'catalogue', 'from Z to A');
    await page.getByLabel('Show', { exact: true }).selectOption({ label: 'Overruled' });
    await until(async () => (await names(page)).length === 2, 'two apps');
    await page.reload();
    await until(async () => (await names(page)).join() === 'royalties,catalogue', 'the same after a reload');
    await page.getByLabel('Show', { exact: true }).selectOption({ label: 'At work' });
    await page.getByText('No app is like this now').waitFor();
  });

  test('a thousand managers are a hundred lines, opened one by one or all, and followed live', async () => {
    fixture.state.apps = manyApps(100, 10, Date.now());
    const page = await open('/');
    await page.getByText('100 apps, 1,000 managers').waitFor();
    expect((await names(page)).length).toBe(100);
    const lists = page.getByRole('list', { name: /^Managers of/ });
    expect(await lists.count()).toBe(0);
    const toggle = page.getByRole('button', { name: 'Managers of app-007, 10' });
    await toggle.focus();
    await page.keyboard.press('Enter');
    expect(await lists.getByRole('listitem').count()).toBe(10);
    await until(() => fixture.listeners() === 1, 'the stream');
    const before = await page.getByRole('region', { name: 'app-007' }).elementHandle();
    fixture.emit({
      app: 'app-007',
      processType: 'type-3',
      point: { at: Date.now() + 60_000, waiting: 4_321, current: 3, desired: 3, unknown: 0 },
    });
    await lists.getByText('4,321', { exact: true }).waitFor();
    // The line is the same element: nothing was drawn anew.
    expect(await before?.evaluate((element) => element.isConnected)).toBe(true);
    expect(await lists.getByRole('listitem').count()).toBe(10);
    await page.getByRole('button', { name: 'Open all' }).click();
    await until(async () => (await lists.count()) === 100, 'all lists');
    await page.getByRole('searchbox').fill('app-04');
    await until(async () => (await names(page)).length === 10, 'ten apps');
    await page.getByRole('button', { name: 'Close all' }).click();
    await until(async () => (await lists.count()) === 0, 'no list');
  });

  test.each(bothLooks)('many apps hold to the rules of every page: %o', async (look) => {
    fixture.state.apps = manyApps(12, 4, Date.now());
    const page = await open('/', look);
    await page.getByText('12 apps, 48 managers').waitFor();
    await check(page);
  });

  test('where the overview cannot be loaded it says so, and tries again', async () => {
    fixture.state.failing.set('/api/overview', 400);
    const page = await open('/');
    await page.getByText('The apps could not be loaded').waitFor();
    fixture.state.failing.clear();
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('managers to look at').waitFor();
  });

  test('cost: spent, saved, forecast, and what has no price is unknown', async () => {
    for (const look of bothLooks) {
      const page = await open('/cost?month=2026-02', look);
      await page.getByRole('heading', { name: 'By app and process type' }).waitFor();
      await page.getByText('February 2026').waitFor();
      const tiles = (await page.locator('.tiles').textContent()) ?? '';
      expect(tiles).toMatch(/Spent\$[\d,.]+.*Always on at the peak\$.*Saved\$.*The whole month\$/);
      await page.getByText('No price is known').waitFor();
      const mailer = page.getByRole('row', { name: /mailer/ });
      expect((await mailer.textContent())?.match(/unknown/g)).toHaveLength(5);
      expect(await mailer.textContent()).not.toContain('$');
      await check(page);
    }
  });

  test('cost month by month; without managers, and when it fails', async () => {
    const page = await open('/cost?month=2026-02');
    await page.getByRole('link', { name: 'The month before' }).click();
    await page.getByText('January 2026').waitFor();
    await page.waitForURL(/month=2026-01/);
    await page.getByRole('link', { name: 'The month after' }).click();
    await page.getByText('February 2026').waitFor();
    fixture.state.apps = demoApps(Date.now()).filter(({ name }) => name === 'fresh');
    await page.reload();
    await page.getByRole('heading', { name: 'Nothing is managed yet' }).waitFor();
    await check(page);
    fixture.state.failing.set('/api/cost', 400);
    await page.reload();
    await page.getByText('The cost could not be loaded').waitFor();
    await check(page);
  });

  test('cost where no price is known shows hours and no money', async () => {
    fixture.state.apps = demoApps(Date.now()).map((app) => ({
      ...app,
      fleet: { use: 'dry-run', options: {} },
    }));
    const page = await open('/cost?month=2026-02');
    await page.getByRole('heading', { name: 'By app and process type' }).waitFor();
    expect(((await page.locator('.tiles').textContent()) ?? '').match(/unknown/g)).toHaveLength(4);
    expect(await page.locator('main').textContent()).not.toContain('$');
  });
});
