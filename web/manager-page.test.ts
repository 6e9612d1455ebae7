/** The page of a manager: dry run, and zooming its charts, in a real browser against generated data. */
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { has } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import { bothLooks, faultsOf } from './browser.ts';
import { openFixture } from './open-fixture.ts';

describe.skipIf(!has('chromium'))('a manager', { timeout: 120_000 }, () => {
  const { fixture, open } = openFixture();
  const check = async (page: Page): Promise<void> => {
    expect(await faultsOf(page)).toEqual([]);
  };

  test.each(bothLooks)('a dry run is switched on, said on every page, and ended: %o', async (look) => {
    const page = await open('/apps/catalogue/worker', look);
    await page.getByRole('button', { name: 'Dry run', exact: true }).click();
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

  test.each(bothLooks)('a schedule is a week of ranges, made by keyboard: %o', async (look) => {
    const found = fixture.state.apps[0]?.managers.find(({ processType }) => processType === 'worker');
    if (!found) throw new Error('there is no such manager');
    found.limits = [
      {
        use: 'schedule',
        options: { ranges: 'mon-fri 09:00-17:30 min 2 max 6; 22:00-06:00 count 0', timeZone: 'Asia/Tokyo' },
      },
    ];
    const page = await open('/apps/catalogue/worker?view=settings', look);
    await page
      .getByRole('img', { name: /^The week in Asia\/Tokyo: range 1, mon-fri 09:00 to 17:30/ })
      .waitFor();
    await page.getByText('Times are those of Asia/Tokyo.').waitFor();
    const range = (place: number) => page.getByRole('group', { name: `Range ${place}`, exact: true });
    expect(await page.locator('.week-cell[data-range="0"]').count()).toBe(5 * 9);
    expect(await page.locator('.week-cell[data-range="1"]').count()).toBe(7 * 8);
    await check(page);
    await range(1).getByRole('button', { name: 'Fri' }).press('Space');
    await range(1).getByLabel('Maximum').fill('');
    await page.getByRole('button', { name: 'Add a range' }).press('Enter');
    await range(3).getByLabel('Until').fill('00:00');
    await range(3).getByLabel('Minimum').fill('7');
    await range(3).getByRole('button', { name: 'Before 2' }).press('Enter');
    await range(3).getByRole('button', { name: 'Remove range 3' }).press('Enter');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved.').waitFor();
    const ranges = 'mon-thu 09:00-17:30 min 2; mon-fri 09:00-24:00 min 7';
    expect(fixture.state.changes.at(-1)?.body).toEqual({
      limits: [{ use: 'schedule', options: { ranges, timeZone: 'Asia/Tokyo' } }],
    });
  });

  test('a range that says nothing is not saved, and a text that is not understood is left as it is', async () => {
    const page = await open('/apps/catalogue/worker?view=settings');
    await page.getByRole('button', { name: 'Add a limit' }).click();
    await page.getByRole('menuitem', { name: /Schedule/ }).click();
    await page.getByText('This is needed.').waitFor();
    await page.getByRole('button', { name: 'Add a range' }).click();
    const group = page.getByRole('group', { name: 'Range 1', exact: true });
    await group.getByLabel('Minimum').fill('');
    await page.getByText('Each range needs a minimum or a maximum.').waitFor();
    expect(await page.getByRole('button', { name: 'Save' }).isDisabled()).toBe(true);
    await page.getByText('As text').click();
    await page.getByLabel('Ranges, as text').fill('some day, at least 3');
    await page.getByText('This cannot be read as ranges of a week.').waitFor();
    expect(await page.getByLabel('Ranges, as text').inputValue()).toBe('some day, at least 3');
    await page.getByLabel('Ranges, as text').fill('sat,sun 00:00-24:00 max 1');
    expect(await group.getByLabel('Maximum').inputValue()).toBe('1');
    await check(page);
  });
});
