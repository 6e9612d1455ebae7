/** The page of tasks in a real browser against generated data: sorted, filtered, with failures, and where nobody listens. */
import type { Locator, Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { has } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import { openFixture } from './open-fixture.ts';

const slow = 'catalogue.transcode_waveform_and_thumbnails_for_every_distributor';

describe.skipIf(!has('chromium'))('tasks by name', { timeout: 120_000 }, () => {
  const { fixture, open } = openFixture();
  const choose = async (page: Page, box: string, option: string): Promise<void> => {
    await page.getByRole('combobox', { name: box }).click();
    await page.getByRole('option', { name: option, exact: true }).click();
  };
  const rows = (page: Page): Locator => page.locator('table.tasks tbody tr');
  const names = (page: Page): Promise<string[]> => rows(page).locator('.tasks-name').allTextContents();

  test('what took most time comes first, with rate, times, failures and score', async () => {
    const page = await open('/');
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Tasks' }).click();
    await rows(page).first().waitFor();
    expect(await names(page)).toEqual([slow, 'catalogue.ingest_track', 'catalogue.ping', 'catalogue.audit']);
    expect((await rows(page).nth(1).locator('td').allTextContents()).slice(1)).toEqual([
      '3.5/s',
      '0.8 s',
      '2.4 s',
      '4.1 s',
      '0.6 s',
      '6 (<1 %)',
      '31',
      '0.81',
    ]);
    expect((await rows(page).nth(3).locator('td').allTextContents()).join(' ')).toBe('– 0 – – – – 0 0 –');
    expect(await rows(page).nth(0).textContent()).toContain('60 (19 %)');
  });

  test('the heads sort, once more turns, and the address keeps it', async () => {
    const page = await open('/tasks');
    const head = (name: string): Locator => page.getByRole('columnheader', { name });
    const sortedBy = (name: string, way: string): Promise<void> =>
      until(async () => (await head(name).getAttribute('aria-sort')) === way, `${name} ${way}`);
    await head('Failed').getByRole('button').click();
    await sortedBy('Failed', 'descending');
    expect((await names(page))[0]).toBe(slow);
    await head('Failed').getByRole('button').click();
    await sortedBy('Failed', 'ascending');
    expect((await names(page))[3]).toBe(slow);
    await page.waitForURL(/sort=failed&turned=true/);
    await head('Score').getByRole('button').click();
    await sortedBy('Score', 'ascending');
    expect((await names(page))[0]).toBe(slow);
    await page.reload();
    await rows(page).first().waitFor();
    expect((await names(page))[3]).toBe('catalogue.audit');
  });

  test('a queue, a time, and what counts as quick', async () => {
    const page = await open('/tasks');
    await choose(page, 'Queue', 'nightly');
    await until(async () => (await names(page)).join() === 'catalogue.audit', 'one queue');
    expect(await page.getByText('SoftTimeLimitExceeded').count()).toBe(0);
    await choose(page, 'Queue', 'All queues');
    await choose(page, 'Quick is within', '1 min');
    await rows(page).nth(1).getByText('0.98').waitFor();
    await page.getByText('within 1 min counts 1, within 4 min a half').waitFor();
    await choose(page, 'Time shown', '7 d');
    await page.waitForURL(/span=7d/);
    await page.goto(`${fixture.url}/tasks?queue=gone`);
    await page.getByText('No task was heard in this time').waitFor();
  });

  test('the failures of one task, with their errors', async () => {
    const page = await open('/tasks');
    await page.getByRole('heading', { name: 'Last failures' }).waitFor();
    await page.getByText("ValueError('no such track')").waitFor();
    await page.getByRole('button', { name: slow }).click();
    await page.getByRole('heading', { name: `Last failures of ${slow}` }).waitFor();
    expect(await page.getByText("ValueError('no such track')").count()).toBe(0);
    await page.getByText('with the arguments that its worker kept').waitFor();
    await page.getByRole('button', { name: 'catalogue.ping' }).click();
    await page.getByText('None is among the last of the app.').waitFor();
    await page.getByRole('button', { name: 'Of all tasks' }).click();
    await page.getByText("ValueError('no such track')").waitFor();
  });

  test('a failed task is sent again once it is confirmed, and a refusal says why', async () => {
    const page = await open('/tasks?app=catalogue');
    const dialog = page.getByRole('dialog');
    const again = page.getByRole('button', { name: 'Send again… 0cc2' });
    await again.click();
    await dialog.getByText('What was to follow it').waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'hidden' });
    expect(fixture.state.changes).toEqual([]);
    await again.click();
    await dialog.getByRole('button', { name: 'Send it again' }).click();
    await page.getByRole('status').getByText('Sent again as c1f7a0e2').waitFor();
    await dialog.waitFor({ state: 'hidden' });
    expect(await again.count()).toBe(0);
    const path = '/api/apps/catalogue/tasks/failures/0cc2/send-again';
    expect(fixture.state.changes).toEqual([{ method: 'POST', path, body: {} }]);
    await page.reload();
    await again.click();
    await dialog.getByRole('button', { name: 'Send it again' }).click();
    await dialog.getByRole('alert').getByText('it was sent again before, as c1f7a0e2').waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: /Send again… 5b1f0f4e/ }).click();
    await dialog.getByRole('button', { name: 'Send it again' }).click();
    await dialog.getByText('its arguments were kept nowhere').waitFor();
  });

  test('where nobody listens it says what to switch on, and where', async () => {
    const page = await open('/tasks?app=fresh');
    await page.getByText('It takes a meter that can listen: Celery on Redis.').waitFor();
    await choose(page, 'App', 'royalties');
    await page.getByText('Switch “Listen to events” on in its meter.').waitFor();
    await page.getByRole('link', { name: 'Settings of worker' }).click();
    await page.waitForURL(/\/apps\/royalties\/worker\?view=settings/);
    const [meter] = fixture.state.apps.find(({ name }) => name === 'royalties')?.managers[0]?.meters ?? [];
    if (meter) meter.options = { ...meter.options, events: true };
    await page.goto(`${fixture.url}/tasks?app=royalties`);
    await page.getByText('Its workers are asked for events').waitFor();
  });

  test('a failure is told, and tried again; without an app there is a way to one', async () => {
    fixture.state.failing.set('/api/apps/catalogue/tasks', 400);
    const page = await open('/tasks');
    await page.getByText('The tasks could not be loaded').waitFor();
    fixture.state.failing.clear();
    await page.getByRole('button', { name: 'Try again' }).click();
    await rows(page).first().waitFor();
    fixture.state.apps = [];
    await page.goto(`${fixture.url}/tasks`);
    await page.getByText('There is no app yet').waitFor();
  });
});
