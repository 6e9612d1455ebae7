/** The page of a manager: dry run, and zooming its charts, in a real browser against generated data. */
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { has } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import { type Look, sideways, startBrowser, type Visitor } from './browser.ts';
import { type Fixture, startFixture } from './fixture.ts';

const looks: Look[] = [
  { scheme: 'light', width: 1_280 },
  { scheme: 'dark', width: 390 },
];

describe.skipIf(!has('chromium'))('a manager', { timeout: 120_000 }, () => {
  let browser: Visitor;
  let fixture: Fixture;
  beforeAll(async () => {
    browser = await startBrowser(inject('servers').chromium);
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    fixture = await startFixture();
  });
  afterEach(async () => {
    expect(await browser.leave()).toEqual([]);
    await fixture.close();
  });
  const open = async (path: string, look?: Look): Promise<Page> =>
    (await browser.open(fixture.url + path, look)).page;
  const check = async (page: Page): Promise<void> => {
    expect(await sideways(page)).toBe(0);
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html.slice(0, 160))])).toEqual([]);
  };

  test.each(looks)('a dry run is switched on, said on every page, and ended: %o', async (look) => {
    const page = await open('/apps/catalogue/worker', look);
    await page.getByRole('button', { name: 'Dry run' }).click();
    await page.getByText('decides and records what it would do').waitFor();
    await page.getByText('would have 8').waitFor();
    expect(fixture.state.changes.at(-1)).toMatchObject({ method: 'PATCH', body: { dryRun: true } });
    await check(page);
    await page.goto(`${fixture.url}/?show=set`);
    const line = page.getByRole('list', { name: 'Managers of catalogue' });
    await line.getByText('would have 8').waitFor();
    await page.goto(`${fixture.url}/apps/catalogue/worker`);
    await page.getByRole('button', { name: 'Go live' }).click();
    await until(async () => (await page.getByText('would have').count()) === 0, 'the end of the dry run');
    expect(fixture.state.changes.at(-1)).toMatchObject({ body: { dryRun: false } });
  });

  const spanOf = (page: Page): number => {
    const { searchParams } = new URL(page.url());
    return Number(searchParams.get('to')) - Number(searchParams.get('from'));
  };

  test('drawing over a chart zooms all of them, and the address keeps it', async () => {
    const page = await open('/apps/catalogue/worker?span=6h');
    await page.locator('canvas').nth(2).waitFor();
    const box = await page.locator('.chart-frame').first().boundingBox();
    if (!box) throw new Error('there is no chart');
    await page.mouse.move(box.x + box.width * 0.4, box.y + 30);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 34, { steps: 4 });
    await page.mouse.move(box.x + box.width * 0.7, box.y + 34, { steps: 4 });
    await page.mouse.up();
    await page.waitForURL(/from=\d+&to=\d+/);
    const hour = 3_600_000;
    expect(spanOf(page)).toBeGreaterThan(1.5 * hour);
    expect(spanOf(page)).toBeLessThan(2.3 * hour);
    await page.getByRole('button', { name: 'Back to now' }).waitFor();
    const shown = page.url();
    await page.reload();
    await page.locator('canvas').nth(2).waitFor();
    expect(page.url()).toBe(shown);
    // A checkup of now is no part of a stretch that is past.
    const words = () => page.getByRole('img', { name: /^Work\./ }).getAttribute('aria-label');
    await until(async () => ((await words()) ?? '').includes('waiting: now'), 'the chart');
    const before = await words();
    await until(() => fixture.listeners() === 1, 'the stream');
    const point = { at: Date.now() + 60_000, waiting: 987_654, current: 6, desired: 6, unknown: 0 };
    fixture.emit({ app: 'catalogue', processType: 'worker', point });
    await page.locator('.tiles').getByText('987,654').waitFor();
    expect(await words()).toBe(before);
    await page.getByRole('button', { name: 'Back to now' }).click();
    await page.waitForURL(/span=6h$/);
  });

  test('the same by keyboard, and back with the browser', async () => {
    const page = await open('/apps/catalogue/worker?span=24h');
    await page.locator('canvas').nth(2).waitFor();
    await page.getByRole('button', { name: 'Zoom in' }).focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(/from=/);
    const half = spanOf(page);
    expect(half).toBeLessThanOrEqual(12 * 3_600_000 + 2);
    await page.getByRole('button', { name: 'Earlier' }).press('Enter');
    await until(() => spanOf(page) === half, 'as wide as before');
    await page.getByRole('button', { name: 'Zoom out' }).press('Space');
    await until(() => spanOf(page) > half * 1.5, 'wider');
    await page.goBack();
    await until(() => spanOf(page) === half, 'one step back');
    await check(page);
    await page.goto(`${fixture.url}/apps/catalogue/worker?from=1&to=nonsense`);
    await page.locator('canvas').nth(2).waitFor();
    expect(await page.getByRole('button', { name: 'Back to now' }).count()).toBe(0);
  });
});
