/** The dashboard of a real controller below a path, in a real browser: what leaves the page's own router keeps the path. */
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { has } from '../checks/fixtures.ts';
import { type OpenController, openController } from '../checks/open-controller.ts';
import { freePort, until } from '../checks/servers.ts';
import { startBrowser, type Visitor } from './browser.ts';

const password = 'correct horse battery';

describe.skipIf(!has('chromium'))('below a path', { timeout: 180_000 }, () => {
  let controller: OpenController;
  let browser: Visitor;
  let url = '';
  beforeAll(async () => {
    const port = await freePort();
    url = `http://127.0.0.1:${port}/headcount`;
    controller = await openController('path-pages', { port, publicUrl: url });
    browser = await startBrowser(inject('servers').chromium);
  }, 180_000);
  afterEach(async () => {
    expect(await browser.leave()).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await controller?.close();
  }, 60_000);

  test('a log-in leads back to where one wanted to be, and so would the company’s own', async () => {
    const { page } = await browser.open(controller.setUpLink ?? '');
    await page.getByRole('textbox', { name: 'Name' }).fill('Rachel');
    await page.getByRole('textbox', { name: 'E-mail' }).fill('rachel@example.com');
    await page.getByRole('textbox', { name: 'Password' }).fill(password);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await page.goto(`${url}/account`);
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    await page.getByRole('textbox', { name: 'E-mail' }).fill('rachel@example.com');
    await page.getByRole('textbox', { name: 'Password' }).fill(password);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Sessions' }).waitFor();
    expect(asked.filter((path) => !path.startsWith('/headcount/'))).toEqual([]);
    await until(() => page.url() === `${url}/account`, 'the address below the path');
  });

  test('single sign-on is asked to come back below the path', async () => {
    const { page } = await browser.open(`${url}/login?next=${encodeURIComponent(JSON.stringify('/cost'))}`);
    await page.route('**/api/log-in', (route) =>
      route.fulfill({ json: { singleSignOn: 'Acme', resetByMail: false } }),
    );
    const asked: unknown[] = [];
    await page.route('**/api/auth/sign-in/social', (route) => {
      asked.push(route.request().postDataJSON());
      return route.fulfill({ json: { url: `${url}/login?done=1` } });
    });
    await page.reload();
    await page.getByRole('button', { name: 'Log in with Acme' }).click();
    await until(() => asked.length > 0, 'the question');
    expect(asked).toEqual([{ provider: 'single-sign-on', callbackURL: '/headcount/cost' }]);
    await page.waitForURL(/done=1/);
  });
});
