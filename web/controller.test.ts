/** The built dashboard on a real controller with a real store: from the set-up link to a decision with its reasons. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { has } from '../checks/fixtures.ts';
import { type OpenController, openController } from '../checks/open-controller.ts';
import { until } from '../checks/servers.ts';
import { faultsOf, startBrowser, type Visitor } from './browser.ts';

describe.skipIf(!has('chromium'))('the dashboard on a controller', { timeout: 120_000 }, () => {
  let waiting = 25;
  let app: Server;
  let controller: OpenController;
  let browser: Visitor;
  beforeAll(async () => {
    app = createServer((request, response) => {
      const known = /^\/hirefire\/[\w-]+\/info$/.test(request.url ?? '');
      response.writeHead(known ? 200 : 404, { 'content-type': 'application/json' });
      response.end(JSON.stringify([{ name: 'worker', value: waiting }]));
    });
    await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(app.address() as AddressInfo).port}`;
    const yaml = `
intervalSeconds: 1
apps:
  music:
    url: ${url}
    fleet: { use: dry-run }
    managers:
      worker: { minimum: 0, maximum: 8, meters: [{ use: http-info }], rules: [{ use: queue-size, ratio: 10 }] }
`;
    controller = await openController('dashboard', { yaml });
    browser = await startBrowser(inject('servers').chromium);
  });
  afterAll(async () => {
    await browser?.close();
    await controller?.close();
    app?.close();
  });

  test('set up, log in, see the work, see why, overrule it', async () => {
    const { page, complaints } = await browser.open(controller.setUpLink ?? 'about:blank');
    await page.getByLabel('Name').fill('Rachel');
    await page.getByLabel('E-mail').fill('rachel@example.com');
    await page.getByRole('textbox', { name: 'Password' }).fill('a long password');
    await page.getByRole('button', { name: 'Create the administrator' }).click();
    await page.getByRole('heading', { name: 'music' }).waitFor();
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('E-mail').fill('rachel@example.com');
    await page.getByRole('textbox', { name: 'Password' }).fill('a long password');
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'worker', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'worker' }).waitFor();
    const tile = (name: string) => page.locator('.tile').filter({ hasText: name });
    await tile('Waiting').getByText('25', { exact: true }).waitFor();
    const first = page.locator('.decision').last();
    await first.getByText('0 → 3').waitFor();
    await first.getByRole('button').click();
    await first.locator('.reasons').getByText('queue-size').waitFor();

    waiting = 62;
    await tile('Waiting').getByText('62', { exact: true }).waitFor();
    await page.locator('.decision-step').getByText('3 → 7').waitFor();

    await page.getByRole('link', { name: 'Decisions' }).click();
    const grown = page.locator('.decision').filter({ hasText: '3 → 7' });
    await grown.getByRole('link', { name: 'music' }).waitFor();
    await page.goto(`${controller.url}/decisions?only=failures`);
    await page.getByText('No decision is like this').waitFor();
    await page.getByRole('link', { name: 'Issues', exact: true }).click();
    await page.getByText('Nothing needs you').waitFor();
    await page.getByRole('link', { name: 'Channels' }).click();
    await page.getByRole('button', { name: 'Add a channel' }).first().click();
    const form = page.getByRole('dialog', { name: 'Add a channel' });
    await form.getByLabel('Name').fill('On call');
    await form.getByRole('combobox', { name: 'Sends by' }).click();
    await page.getByRole('option', { name: 'Slack' }).click();
    await form.getByRole('textbox', { name: 'Webhook address' }).fill('http://10.1.2.3/hook');
    await form.getByRole('button', { name: 'Save' }).click();
    // Addresses of the private network are not asked, so the test of this one has an answer without a network.
    await page.getByRole('button', { name: 'Test On call' }).click();
    await page.getByRole('alert').getByText('10.1.2.3').waitFor();
    expect(await page.content()).not.toContain('/hook');
    await page.goto(`${controller.url}/apps/music/worker`);
    await page.getByRole('img', { name: /^Workers\. .*decisions marked/ }).waitFor();

    await page.getByRole('button', { name: 'Hold…' }).click();
    await page.getByRole('dialog').getByLabel('Workers').fill('2');
    await page.getByRole('dialog').getByRole('button', { name: 'Hold' }).click();
    await page.getByText('Held at 2 by Rachel').waitFor();
    await page.getByRole('button', { name: 'End the hold' }).click();
    await page.getByText('Held at 2').first().waitFor({ state: 'detached' });

    await page.getByRole('tab', { name: 'Settings' }).click();
    await page.getByLabel('Maximum workers').fill('5');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved.').waitFor();
    await page.getByRole('button', { name: 'Evaluate now' }).click();
    await page.getByRole('dialog').locator('.reasons').getByText('bounds').waitFor();
    await page.keyboard.press('Escape');

    await page.getByRole('link', { name: 'music' }).click();
    await page.getByRole('button', { name: 'Test' }).click();
    await page.getByRole('cell', { name: '62' }).waitFor();
    expect(await faultsOf(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('an app that stops answering is unknown, and the number stays', async () => {
    const { page } = await browser.open(`${controller.url}/apps/music/worker`);
    await page.getByLabel('E-mail').fill('rachel@example.com');
    await page.getByRole('textbox', { name: 'Password' }).fill('a long password');
    await page.keyboard.press('Enter');
    const workers = page.locator('.tile').filter({ hasText: 'Workers' });
    await workers.getByText('5', { exact: true }).waitFor();
    app.closeAllConnections();
    await new Promise((resolve) => app.close(resolve));
    await page.getByText('The number of workers does not fall meanwhile.').waitFor();
    expect(await page.locator('.tile').filter({ hasText: 'Waiting' }).textContent()).toMatch(/unknown/);
    await until(
      async () => (await page.locator('.decision').first().textContent())?.includes('with unknown') === true,
      'the decision',
    );
    await workers.getByText('5', { exact: true }).waitFor();
  });
});
