/** Issues, the decisions of all managers, channels and overrides, in a real browser against generated data. */
import type { Locator, Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { has } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import { decision, longApp } from './fixture-data.ts';
import { openFixture } from './open-fixture.ts';

describe.skipIf(!has('chromium'))('what happened, and who is told', { timeout: 120_000 }, () => {
  const { fixture, open } = openFixture();
  const choose = async (page: Page, box: string, option: string): Promise<void> => {
    await page.getByRole('combobox', { name: box }).click();
    await page.getByRole('option', { name: option, exact: true }).click();
  };
  const issues = (page: Page, which: 'Open' | 'Resolved'): Locator =>
    page.getByRole('list', { name: `${which} issues` }).getByRole('listitem');
  const point = { at: Date.now() + 60_000, waiting: 77, current: 6, desired: 6, unknown: 0 };

  test('issues: the worst first, since when, what to do, and a way to the manager', async () => {
    const page = await open('/issues');
    await page.getByRole('heading', { name: '3 open issues' }).waitFor();
    const texts = await issues(page, 'Open').allTextContents();
    expect(texts[0]).toMatch(
      /critical[\s\S]*since 1 h 35 min ago[\s\S]*goal of 30 s[\s\S]*accept a longer goal/,
    );
    expect(texts[1]).toMatch(/warning[\s\S]*At the maximum of 300/);
    expect(texts[1]?.match(/Raise the maximum/g)).toHaveLength(1);
    expect(texts[2]).toMatch(/royalties[\s\S]*since 4 min ago[\s\S]*refused the connection[\s\S]*See that/);
    expect(await issues(page, 'Resolved').count()).toBe(50);
    expect(await issues(page, 'Resolved').first().textContent()).toMatch(/for 3 min/);
    await page.getByRole('button', { name: 'Earlier issues' }).click();
    await until(async () => (await issues(page, 'Resolved').count()) === 60, 'the second page');
    expect(await page.getByRole('button', { name: 'Earlier issues' }).count()).toBe(0);
    await issues(page, 'Open').last().getByRole('link', { name: 'worker' }).click();
    await page.getByRole('heading', { level: 1, name: 'worker' }).waitFor();
    await page.getByText('Something cannot be measured, so it does not shrink.').waitFor();
  });

  test('issues of one app; where none is open, nothing needs anybody', async () => {
    const page = await open('/issues');
    await choose(page, 'App', 'royalties');
    await page.getByRole('heading', { name: '1 open issue' }).waitFor();
    expect(page.url()).toContain('app=royalties');
    await page.goto(`${fixture.url}/issues?app=catalogue`);
    await page.getByRole('heading', { name: 'Nothing needs you' }).waitFor();
    expect(await page.getByRole('combobox', { name: 'App' }).inputValue()).toBe('catalogue');
  });

  test('an issue that opens is counted at once on every page, and so is its end', async () => {
    const page = await open('/');
    const places = page.getByRole('navigation', { name: 'Pages' });
    await places.getByRole('link', { name: 'Issues 3 open' }).waitFor();
    await page.getByRole('link', { name: 'worker: something cannot be measured' }).waitFor();
    await until(() => fixture.listeners() === 1, 'the stream');
    const event = {
      app: 'royalties',
      processType: 'worker',
      kind: 'unknown',
      severity: 'warning' as const,
      title: 'x',
    };
    fixture.state.issues = fixture.state.issues.filter(({ id }) => id !== '103');
    fixture.emitIssue({ ...event, state: 'resolved' });
    await places.getByRole('link', { name: 'Issues 2 open' }).waitFor();
    await until(async () => (await page.getByText('something cannot be measured').count()) === 0, 'its end');
    fixture.state.issues = [];
    fixture.emitIssue({ ...event, state: 'resolved' });
    await places.getByRole('link', { name: 'Issues', exact: true }).waitFor();
  });

  test('where issues cannot be loaded, none are counted, and the rest of the page is there', async () => {
    fixture.state.failing.set('/api/issues', 503);
    const page = await open('/');
    await page.getByText('managers to look at').waitFor();
    await page.getByRole('link', { name: 'Issues', exact: true }).click();
    await page.getByText('The issues could not be loaded').waitFor();
    fixture.state.failing.clear();
    await page.getByRole('button', { name: 'Try again' }).first().click();
    await page.getByRole('heading', { name: '3 open issues' }).waitFor();
  });

  test('decisions of all managers: filtered by the address, opened to their reasons', async () => {
    const page = await open('/decisions');
    const rows = page.locator('.decision');
    await rows.first().waitFor();
    expect(await rows.first().textContent()).toMatch(/catalogue[\s\S]*worker[\s\S]*5 → 8/);
    await rows.first().getByRole('button').focus();
    await page.keyboard.press('Enter');
    expect(await rows.first().locator('.reasons li').count()).toBe(3);
    await choose(page, 'Only', 'Failures');
    await until(async () => (await rows.count()) === 1, 'one failure');
    expect(await rows.first().textContent()).toContain('the platform answered 503');
    await choose(page, 'Only', 'Everything');
    await choose(page, 'App', 'royalties');
    await choose(page, 'Process type', 'worker');
    await choose(page, 'Outcome', 'Kept');
    await page.waitForURL(/app=royalties&processType=worker&outcome=kept/);
    await until(async () => (await rows.count()) === 1, 'the fold of one manager');
    await choose(page, 'Outcome', 'Scaled');
    await page.getByText('No decision is like this').waitFor();
    await page.reload();
    await page.getByText('No decision is like this').waitFor();
    await choose(page, 'App', longApp);
    expect(await page.getByRole('combobox', { name: 'Process type' }).inputValue()).toBe('All process types');
    await page.getByText('4 → 0', { exact: true }).waitFor();
  });

  test('decisions page by page, and new ones as they come where they are wanted', async () => {
    const now = Date.now();
    fixture.state.decisions = Array.from({ length: 70 }, (_, index) =>
      decision(500 - index, now - index * 60_000),
    );
    const page = await open('/decisions?only=changes');
    const rows = page.locator('.decision');
    await until(async () => (await rows.count()) === 50, 'a page');
    await page.getByRole('button', { name: 'Earlier decisions' }).click();
    await until(async () => (await rows.count()) === 70, 'the second page');
    await until(() => fixture.listeners() === 1, 'the stream');
    const told = { app: 'catalogue', processType: 'worker', point };
    fixture.emit({ ...told, decision: decision(600, now, { current: 3, desired: 3, sentence: 'kept.' }) });
    fixture.emit({ ...told, decision: decision(601, now, { sentence: 'it grew.' }) });
    await page.getByText('it grew.').waitFor();
    expect(await rows.count()).toBe(71);
  });

  test('decisions are marks on the chart, with their reasons under the pointer', async () => {
    const page = await open('/apps/catalogue/worker');
    const chart = page.getByRole('img', { name: /^Workers\. .*decisions? marked/ });
    await chart.waitFor();
    const canvas = chart.locator('canvas');
    const note = page.locator('.chart-mark');
    const [, failed] = fixture.state.decisions;
    const share = 1 - (Date.now() - (failed?.at ?? 0)) / 3_600_000;
    await until(async () => {
      const box = await canvas.boundingBox();
      if (!box) return false;
      // The plot begins behind an axis of 52 px and ends 8 px before the edge; two moves make one that is heard.
      const x = box.x + 52 + (box.width - 60) * share;
      await page.mouse.move(x - 3, box.y + 50);
      await page.mouse.move(x, box.y + 52);
      return (await note.count()) === 1;
    }, 'the note');
    expect(await note.textContent()).toMatch(/5 → 8[\s\S]*answered 503[\s\S]*wait-goal[\s\S]*at most 8/);
    await page.mouse.move(5, 5);
    await note.waitFor({ state: 'detached' });
    await page.getByText('1 y', { exact: true }).click();
    await page.waitForURL(/span=1y/);
    await page.getByRole('img', { name: /^Work\. waiting: now/ }).waitFor();
  });

  test('a number now, and maintenance down to 0 and back, for one and for all', async () => {
    const page = await open('/apps/catalogue/worker');
    await page.getByRole('button', { name: 'Scale now…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Scale worker' });
    await dialog.getByLabel('Workers').fill('7');
    const before = Date.now();
    await dialog.getByRole('button', { name: 'Scale now' }).click();
    await page.getByText('Held at 7 by Rachel').waitFor();
    const { count, until: end } = fixture.state.changes.at(-1)!.body as { count: number; until: number };
    expect(count).toBe(7);
    expect(Math.abs(end - before - 600_000)).toBeLessThan(60_000);
    await page.getByRole('button', { name: 'End the hold' }).click();
    await page.getByRole('button', { name: 'Maintenance…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Down to 0' }).click();
    await page.getByText('In maintenance. Held at 0').waitFor();
    expect(fixture.state.changes.at(-1)?.body).toEqual({ count: 0 });
    await page.goto(`${fixture.url}/apps/catalogue`);
    await page.getByRole('button', { name: 'End the maintenance of 1 process type' }).click();
    await page.getByRole('button', { name: 'Maintenance…' }).click();
    await page.getByRole('dialog').getByText('web, worker, mailer').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Down to 0' }).click();
    await page.getByRole('button', { name: 'End the maintenance of 3 process types' }).waitFor();
    expect(fixture.state.apps[0]?.managers.map(({ hold }) => hold?.count)).toEqual([0, 0, 0]);
  });

  test('channels: how the last message went, and a test with its answer', async () => {
    const page = await open('/settings/channels');
    const rows = page.locator('.channel');
    await rows.first().waitFor();
    expect(await rows.nth(0).textContent()).toMatch(/critical only[\s\S]*Of all apps[\s\S]*sent 12 min ago/);
    expect(await rows.nth(1).textContent()).toMatch(
      /Of catalogue[\s\S]*30 s[\s\S]*22:00 to 06:00, Europe\/Berlin[\s\S]*failed [\s\S]*535 wrong password/,
    );
    await page.getByRole('button', { name: 'Test On call' }).click();
    await rows.nth(0).getByText('Look whether it arrived').waitFor();
    await rows
      .nth(0)
      .getByText(/sent (now|\d+ s ago)/)
      .waitFor();
    await rows.nth(1).getByRole('button', { name: /^Test/ }).click();
    await rows.nth(1).getByRole('alert').getByText('535 wrong password').waitFor();
  });

  test('a channel is added, changed without its secret, and removed', async () => {
    fixture.state.channels = [];
    const page = await open('/settings/channels');
    await page.getByText('Nobody is told').waitFor();
    await page.getByRole('button', { name: 'Add a channel' }).first().click();
    const form = page.getByRole('dialog', { name: 'Add a channel' });
    const save = form.getByRole('button', { name: 'Save' });
    await form.getByLabel('Name').fill('Night shift');
    await form.getByText('Choose by what it sends.').waitFor();
    await choose(page, 'Sends by', 'Slack');
    expect(await save.isDisabled()).toBe(true);
    await form.getByRole('textbox', { name: 'Webhook address' }).fill('https://hooks.example/1');
    await choose(page, 'Severity', 'Critical only');
    await form.getByLabel('Group over (s)').fill('9999');
    await form.getByText('Between 0 and 3,600.').waitFor();
    await form.getByLabel('Group over (s)').fill('60');
    await form.getByRole('combobox', { name: 'Apps' }).click();
    await page.getByRole('option', { name: 'catalogue', exact: true }).click();
    await page.keyboard.press('Tab');
    await form.getByRole('switch', { name: 'Have quiet hours' }).click();
    await form.getByLabel('From').fill('21:30');
    await form.getByRole('combobox', { name: 'Time zone' }).fill('Berlin');
    await page.getByRole('option', { name: 'Europe/Berlin' }).click();
    await save.click();
    await page.locator('.channel').getByText('Quiet from 21:30 to 06:00, Europe/Berlin').waitFor();
    const made = {
      name: 'Night shift',
      notifier: { use: 'slack', options: { url: 'https://hooks.example/1' } },
      tells: {
        opened: true,
        resolved: true,
        scaled: false,
        leastSeverity: 'critical',
        groupSeconds: 60,
        apps: ['catalogue'],
        quiet: { from: '21:30', to: '06:00', timeZone: 'Europe/Berlin' },
      },
    };
    expect(fixture.state.changes.at(-1)).toEqual({ method: 'POST', path: '/api/channels', body: made });

    const [stored] = fixture.state.channels;
    if (stored) stored.notifier = { use: 'slack', options: { url: '••••••' } };
    await page.reload();
    await page.getByRole('button', { name: 'Edit Night shift' }).click();
    const edit = page.getByRole('dialog', { name: 'Edit Night shift' });
    expect(await edit.getByRole('textbox', { name: 'Webhook address' }).inputValue()).toBe('');
    await edit.getByRole('switch', { name: 'Have quiet hours' }).click();
    await edit.getByRole('button', { name: 'Save' }).click();
    await edit.waitFor({ state: 'detached' });
    const { quiet: _, ...tells } = made.tells;
    expect(fixture.state.changes.at(-1)?.body).toEqual({
      name: 'Night shift',
      notifier: { use: 'slack', options: { url: '••••••' } },
      tells,
    });
    await page.getByRole('button', { name: 'Remove… Night shift' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove the channel' }).click();
    await page.getByText('Nobody is told').waitFor();
  });
});
