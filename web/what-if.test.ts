/** Before settings are saved: what the last week would have looked like, in a real browser against generated data. */
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { has } from '../checks/fixtures.ts';
import { bothLooks, faultsOf, type Look } from './browser.ts';
import { openFixture } from './open-fixture.ts';

const path = '/api/apps/catalogue/managers/worker/what-if';

describe.skipIf(!has('chromium'))('before settings are saved', { timeout: 120_000 }, () => {
  const { browser, fixture } = openFixture();
  const open = async (look?: Look): Promise<Page> => {
    const { page } = await browser.open(`${fixture.url}/apps/catalogue/worker?view=settings`, look);
    await page.getByLabel('Maximum workers').waitFor();
    return page;
  };
  const button = (page: Page) => page.getByRole('button', { name: 'Play the last week' });

  test.each(bothLooks)('the present and the changed settings stand side by side: %o', async (look) => {
    const page = await open(look);
    expect(await button(page).isDisabled()).toBe(true);
    await page.getByLabel('Goal (s)').fill('120');
    await page.getByLabel('Maximum workers').fill('6');
    await button(page).press('Enter');
    const table = page.getByRole('region', { name: 'Before you save' }).getByRole('table');
    await table.getByRole('row', { name: 'Cost $8.03 $7.80 $5.94' }).waitFor();
    await table.getByRole('row', { name: 'Process hours 231 225 171' }).waitFor();
    // What is next to all is not said to be all.
    await table.getByRole('row', { name: 'Jobs that start within 30 s – 99.9 % 34.4 %' }).waitFor();
    await table.getByRole('row', { name: 'Jobs that start within 2 min – 100 % over 99.9 %' }).waitFor();
    await table.getByRole('row', { name: 'Longest wait 1 min 33 s 1 min 28 s 2 min 21 s' }).waitFor();
    await page.getByText('6 d 17 h of readings').waitFor();
    await page.getByText('The estimate fits what was recorded.').waitFor();
    await page.getByText('as learned from 1,204 observations').waitFor();
    await page
      .getByRole('img', { name: /^Workers wanted.* present settings: .*Unknown for about/ })
      .waitFor();
    expect(await faultsOf(page)).toEqual([]);
    // It asked with what was changed, and saved nothing.
    expect(fixture.state.changes).toEqual([
      {
        method: 'POST',
        path,
        body: { maximum: 6, rules: [{ use: 'wait-goal', options: { goalSeconds: 120 } }] },
      },
    ]);
    await page.getByText('Not saved yet.').waitFor();
  });

  test('an answer is gone once the changes are others', async () => {
    const page = await open();
    await page.getByLabel('Maximum workers').fill('6');
    await button(page).click();
    await page.getByRole('row', { name: /^Process hours/ }).waitFor();
    await page.getByLabel('Minimum workers').fill('1');
    await page.getByRole('row', { name: /^Process hours/ }).waitFor({ state: 'detached' });
    await page.getByLabel('Minimum workers').fill('0');
    await page.getByRole('row', { name: /^Process hours/ }).waitFor();
    await page.getByRole('button', { name: 'Undo changes' }).click();
    await page.getByRole('row', { name: /^Process hours/ }).waitFor({ state: 'detached' });
    expect(await button(page).isDisabled()).toBe(true);
  });

  test('too few readings, and what is refused, are said in words', async () => {
    const page = await open();
    await page.getByLabel('Maximum workers').fill('7');
    await button(page).click();
    await page.getByText(/^Nothing can be said: there are 12 minutes of readings/).waitFor();
    expect(await faultsOf(page)).toEqual([]);
    fixture.state.failing.set(path, 503);
    await page.getByLabel('Maximum workers').fill('6');
    await button(page).click();
    await page.getByRole('alert').getByText('The store cannot be reached').waitFor();
    fixture.state.failing.clear();
    await button(page).click();
    await page.getByRole('row', { name: /^Process hours/ }).waitFor();
    await page.getByLabel('Minimum workers').fill('30');
    await page.getByText('The maximum is less than the minimum.').waitFor();
    expect(await button(page).isDisabled()).toBe(true);
  });
});
