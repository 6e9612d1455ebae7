/** Who runs now, in a real browser against generated data. */
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { has } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import { bothLooks, faultsOf, sideways } from './browser.ts';
import { longApp } from './fixture-data.ts';
import { openFixture } from './open-fixture.ts';

describe.skipIf(!has('chromium'))('who runs', { timeout: 120_000 }, () => {
  const { fixture, open } = openFixture();
  const check = async (page: Page): Promise<void> => {
    expect(await faultsOf(page)).toEqual([]);
  };

  test.each(bothLooks)('each with its state, since when, and its jobs: %o', async (look) => {
    const page = await open('/workers?app=catalogue', look);
    const row = (name: string) => page.getByRole('row', { name: new RegExp(`^${name}`) });
    await row('worker.1').waitFor();
    expect(await row('worker.1').textContent()).toMatch(/idle[\s\S]*\d+ s ago[\s\S]*0/);
    expect(await row('worker.2').textContent()).toMatch(/starting[\s\S]*not measured/);
    expect(await row('worker.3').textContent()).toMatch(/finishing[\s\S]*1/);
    expect(await row('worker.4').textContent()).toMatch(/stopping/);
    // Nobody asks the workers of `web`: that it has no jobs is not said.
    expect(await row('web.1').textContent()).toMatch(/up[\s\S]*unknown/);
    await page.getByText('celery@laptop.local (2 jobs)').waitFor();
    await page.getByText('No meter of this manager can ask').waitFor();
    await check(page);
  });

  test('where it could not be counted, and where nothing is managed', async () => {
    const page = await open('/workers?app=royalties');
    await page.getByText('refused the connection').waitFor();
    await page.getByText('Some workers did not answer').waitFor();
    expect(await page.getByRole('button', { name: /Let go/ }).count()).toBe(0);
    await check(page);
    await page.goto(`${fixture.url}/workers?app=fresh`);
    await page.getByRole('heading', { name: 'Nothing is managed yet' }).waitFor();
    await check(page);
    fixture.state.failing.set('/api/apps/catalogue/workers', 400);
    await page.goto(`${fixture.url}/workers`);
    await page.getByText('The workers could not be loaded').waitFor();
    await check(page);
  });

  test('three hundred of one process type, at 390 px', async () => {
    const page = await open(`/workers?app=${longApp}`, { scheme: 'dark', width: 390 });
    await until(async () => (await page.getByRole('row').count()) >= 300, 'all of them');
    expect(await sideways(page)).toBe(0);
  });

  test('one is let go, after a question', async () => {
    const page = await open('/workers?app=catalogue');
    await page.getByRole('button', { name: 'Let go… worker.3' }).click();
    const dialog = page.getByRole('dialog', { name: 'Let worker.3 go?' });
    await dialog.getByText('hires another at the next checkup').waitFor();
    await check(page);
    await dialog.getByRole('button', { name: 'Let it go' }).click();
    await dialog.waitFor({ state: 'detached' });
    await until(
      async () => (await page.getByRole('row', { name: /^worker\.3/ }).count()) === 0,
      'its line goes',
    );
    expect(fixture.state.changes.at(-1)).toMatchObject({
      method: 'DELETE',
      path: '/api/apps/catalogue/workers/worker.3',
    });
  });
});
