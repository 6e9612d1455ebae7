/** A page that stayed open while the controller was updated asks for files that are gone, in a real browser. */
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { has } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import { openFixture } from './open-fixture.ts';

interface Update {
  readonly page: Page;
  /** How often the document was loaded, the first time included. */
  loads(): number;
}

describe.skipIf(!has('chromium'))('after an update of the controller', { timeout: 120_000 }, () => {
  const { open } = openFixture();

  /** @param lasts the files are missing from what is loaded anew, too */
  const outdated = async (file: string, lasts: boolean): Promise<Update> => {
    const page = await open('/');
    await page.getByText('managers to look at').waitFor();
    let loads = 1;
    page.on('request', (request) => {
      if (request.isNavigationRequest()) loads++;
    });
    await page.route(`**/assets/${file}-*`, (route) =>
      lasts || loads === 1 ? route.fulfill({ status: 404, body: 'not found' }) : route.continue(),
    );
    return { page, loads: () => loads };
  };

  test('the page that is opened next is of the new version', async () => {
    const { page, loads } = await outdated('cost', false);
    await page.getByRole('link', { name: 'Cost', exact: true }).click();
    await page.getByText('By app and process type').waitFor();
    expect([new URL(page.url()).pathname, loads()]).toEqual(['/cost', 2]);
  });

  test('so is one whose style sheet is gone too', async () => {
    const { page, loads } = await outdated('manager', false);
    await page.getByRole('link', { name: 'worker', exact: true }).first().click();
    await page.locator('canvas').first().waitFor();
    expect(loads()).toBe(2);
  });

  test('a form that is asked for comes with the next try', async () => {
    const { page, loads } = await outdated('add-app', false);
    await page.getByRole('button', { name: 'Add an app' }).click();
    await until(() => loads() === 2, 'the page loaded anew');
    await page.getByText('managers to look at').waitFor();
    await page.getByRole('button', { name: 'Add an app' }).click();
    await page.getByRole('dialog').getByLabel('Name').waitFor();
  });

  test('what is missing for good is said, and the page is not loaded over and over', async () => {
    const { page, loads } = await outdated('cost', true);
    await page.getByRole('link', { name: 'Cost', exact: true }).click();
    await page.getByText('also after loading the page again').waitFor();
    expect(loads()).toBe(2);
    await page.getByRole('button', { name: 'Try again' }).click();
    await until(() => loads() === 3, 'the page loaded anew');
    await page.getByText('also after loading the page again').waitFor();
    // The rest is there.
    await page.getByRole('link', { name: 'Tasks', exact: true }).click();
    await page.getByRole('heading', { name: 'Tasks' }).waitFor();
    expect(loads()).toBe(3);
  });

  test('while the controller is gone the page stays, and says so', async () => {
    const { page, loads } = await outdated('cost', false);
    const gone = (url: URL): boolean => url.pathname === '/';
    await page.route(gone, (route) => route.abort());
    await page.getByRole('link', { name: 'Cost', exact: true }).click();
    await page.getByText('The controller cannot be reached').waitFor();
    expect(loads()).toBe(1);
    await page.unroute(gone);
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('By app and process type').waitFor();
    expect(loads()).toBe(2);
  });
});
