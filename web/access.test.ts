/** The way in and out, and what the dashboard shows when something does not answer. */
import { describe, expect, test } from 'vitest';
import { has } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import { openFixture } from './open-fixture.ts';

describe.skipIf(!has('chromium'))('the way in, and failures', { timeout: 120_000 }, () => {
  const { browser, fixture, open } = openFixture();

  test('set-up by the one-time link', async () => {
    fixture.state.me = { loggedIn: false, setUpNeeded: true };
    const page = await open('/apps/catalogue');
    await page.waitForURL(/\/setup$/);
    await page.getByText('Open the one-time link').waitFor();
    await page.goto(`${fixture.url}/setup#token=old`);
    await page.reload();
    await page.getByLabel('Name').fill('Rachel');
    await page.getByLabel('E-mail').fill('rachel@example.com');
    await page.getByRole('textbox', { name: 'Password' }).fill('short');
    await page.getByText('7 more to go.').waitFor();
    await page.getByRole('textbox', { name: 'Password' }).fill('correct horse');
    await page.getByRole('button', { name: 'Create the administrator' }).click();
    await page.getByText('This link was used').waitFor();
    await page.goto(`${fixture.url}/setup#token=good`);
    await page.reload();
    await page.getByLabel('Name').fill('Rachel');
    await page.getByLabel('E-mail').fill('rachel@example.com');
    await page.getByRole('textbox', { name: 'Password' }).fill('correct horse');
    await page.keyboard.press('Enter');
    await page.getByText('managers to look at').waitFor();
    expect(fixture.state.changes.at(-1)?.body).toEqual({
      token: 'good',
      name: 'Rachel',
      email: 'rachel@example.com',
      password: 'correct horse',
    });
  });

  test('log in leads back to where one wanted to be; log out leads to the login', async () => {
    fixture.state.me = { loggedIn: false, setUpNeeded: false };
    const page = await open('/apps/catalogue/worker?span=15m');
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    await page.getByLabel('E-mail').fill('rachel@example.com');
    await page.getByRole('textbox', { name: 'Password' }).fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByText('invalid email or password').waitFor();
    await page.getByRole('textbox', { name: 'Password' }).fill('correct horse');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'worker' }).waitFor();
    expect(page.url()).toBe(`${fixture.url}/apps/catalogue/worker?span=15m`);
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
  });

  test.each(['//evil.example', 'https://evil.example', '/\\evil.example'])(
    'the login does not lead to %s',
    async (next) => {
      fixture.state.me = { loggedIn: false, setUpNeeded: false };
      const page = await open(`/login?next=${encodeURIComponent(JSON.stringify(next))}`);
      await page.getByLabel('E-mail').fill('rachel@example.com');
      await page.getByRole('textbox', { name: 'Password' }).fill('correct horse');
      await page.keyboard.press('Enter');
      await page.getByText('managers to look at').waitFor();
      expect(new URL(page.url()).origin).toBe(fixture.url);
    },
  );

  test('a session that ended leads to the login', async () => {
    const page = await open('/');
    await page.getByText('managers to look at').waitFor();
    fixture.state.me = { loggedIn: false, setUpNeeded: false };
    fixture.state.live = false;
    fixture.breakStreams();
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
  });

  test('a lost stream is said with since when, the numbers stay, and its return catches up', async () => {
    const page = await open('/');
    await page.locator('[data-live=live]').waitFor();
    fixture.state.live = false;
    fixture.breakStreams();
    await page.getByText('Not live.').waitFor();
    expect(await page.locator('.stale').textContent()).toMatch(/lost \d+ s ago/);
    expect(await page.getByText('12,430', { exact: true }).count()).toBeGreaterThan(0);
    const latest = fixture.state.apps[0]?.managers[1]?.latest;
    if (latest) latest.waiting = 555;
    fixture.state.live = true;
    await page.getByText('555', { exact: true }).first().waitFor();
    await page.getByText('Not live.').waitFor({ state: 'detached' });
  });

  test('a tab that nobody looks at has no stream, and catches up when it is looked at', async () => {
    const { page } = await browser.open('about:blank');
    await page.clock.install();
    await page.goto(fixture.url);
    await page.locator('[data-live=live]').waitFor();
    const look = (hidden: boolean): Promise<void> =>
      page.evaluate((value) => {
        Object.defineProperty(document, 'hidden', { value, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
      }, hidden);
    await look(true);
    await page.clock.fastForward(11_000);
    await until(() => fixture.listeners() === 0, 'the end of the stream');
    const latest = fixture.state.apps[0]?.managers[1]?.latest;
    if (latest) latest.waiting = 555;
    await look(false);
    await page.getByText('555', { exact: true }).first().waitFor();
    expect(fixture.listeners()).toBe(1);
  });

  test('what fails is said where it failed, and can be tried again', async () => {
    fixture.state.failing.set('/api/overview', 503);
    const page = await open('/');
    await page.getByRole('alert').getByText('The store cannot be reached').waitFor();
    fixture.state.failing.clear();
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('managers to look at').waitFor();
    fixture.state.failing.set('/api/apps/catalogue/managers/worker/series', 503);
    fixture.state.failing.set('/api/apps/catalogue/managers/worker/decisions', 503);
    await page.locator('a[href="/apps/catalogue/worker"]').first().click();
    await page.getByText('The charts could not be loaded').waitFor();
    await page.getByText('The decisions could not be loaded').waitFor();
    expect(await page.locator('.tile').first().textContent()).toContain('12,430');
  });

  test('an answer that stays away is waited for, with a word', async () => {
    fixture.state.failing.set('/api/overview', 'hang');
    const page = await open('/');
    await page.getByText('Loading apps').waitFor({ state: 'attached' });
    fixture.state.failing.clear();
  });

  test('an answer that is no JSON is named', async () => {
    const { page } = await browser.open('about:blank');
    await page.route('**/api/overview?*', (route) =>
      route.fulfill({ body: '<html>a proxy</html>', contentType: 'text/html' }),
    );
    await page.goto(fixture.url);
    await page.getByText("Is a proxy's page in between?").waitFor();
  });

  test('a controller that is gone, and comes back', async () => {
    const { page } = await browser.open('about:blank');
    await page.route('**/api/me', (route) => route.abort());
    await page.goto(fixture.url);
    await page.getByText('The controller cannot be reached').waitFor();
    await page.unroute('**/api/me');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('managers to look at').waitFor();
  });

  test('a wrong clock in the browser does not age what was just measured', async () => {
    const { page } = await browser.open('about:blank');
    await page.clock.install({ time: Date.now() + 3 * 3_600_000 });
    await page.clock.resume();
    await page.goto(`${fixture.url}/apps/catalogue/worker`);
    await page.getByText(/measured (now|\d+ s ago)/).waitFor();
  });

  test('the theme follows the system until one is chosen, and the choice stays', async () => {
    const page = await open('/', { scheme: 'dark' });
    const shown = (): Promise<string | null> =>
      page.locator('html').getAttribute('data-mantine-color-scheme');
    await page.getByRole('button', { name: 'Switch to the light theme' }).click();
    await until(async () => (await shown()) === 'light', 'the light theme');
    await page.reload();
    await page.getByText('managers to look at').waitFor();
    expect(await shown()).toBe('light');
  });

  test('everything is reached by keyboard, the content first', async () => {
    const page = await open('/');
    await page.getByText('managers to look at').waitFor();
    const focused = (): Promise<string> => page.evaluate(() => document.activeElement?.textContent ?? '');
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('Skip to content');
    const seen: string[] = [];
    for (let index = 0; index < 60; index++) {
      await page.keyboard.press('Tab');
      seen.push(await focused());
    }
    expect(seen).toEqual(expect.arrayContaining(['Log out', 'Add an app', 'catalogue', 'worker', 'nightly']));
    await page.getByRole('link', { name: 'nightly' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'nightly' }).waitFor();
  });
});
