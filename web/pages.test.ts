/** What a person does in the dashboard, in a real browser against generated data. */
import type { Locator, Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { has } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import { decision, demoApps } from './fixture-data.ts';
import { openFixture } from './open-fixture.ts';

describe.skipIf(!has('chromium'))('the dashboard', { timeout: 120_000 }, () => {
  const { fixture, open } = openFixture();
  const changes = (): [string, string, unknown][] =>
    fixture.state.changes.map(({ method, path, body }) => [method, path, body]);
  const row = (page: Page, app: string, type: string): Locator =>
    page
      .getByRole('list', { name: `Managers of ${app}` })
      .getByRole('listitem')
      .filter({ has: page.getByRole('link', { name: type, exact: true }) });
  const point = {
    at: Date.now() + 60_000,
    waiting: 77,
    running: 3,
    oldestSeconds: 2,
    current: 6,
    desired: 6,
    unknown: 0,
  };

  test('overview: numbers, unknown in words, what nobody measures as a dash, and a way into each', async () => {
    const page = await open('/');
    await row(page, 'catalogue', 'worker').getByText('12,430').waitFor();
    expect(await row(page, 'catalogue', 'worker').textContent()).toMatch(
      /past the goal, hiring[\s\S]*12,430[\s\S]*41 s\s*goal 30 s[\s\S]*5 → 8/,
    );
    const unknown = await row(page, 'royalties', 'worker').textContent();
    expect(unknown?.match(/unknown/g)).toHaveLength(4);
    expect(unknown).not.toMatch(/\b0\b/);
    expect(await row(page, 'catalogue', 'web').textContent()).toMatch(/fixed[\s\S]*–/);
    await page.getByText('at least 312,550 jobs waiting').waitFor();
    const order = await page.getByRole('heading', { level: 2 }).allInnerTexts();
    expect(order.at(-1)).toBe('fresh');
    await page.getByRole('link', { name: 'nightly' }).click();
    await page.getByRole('heading', { level: 1, name: 'nightly' }).waitFor();
    expect(await page.title()).toBe('nightly · royalties · Headcount');
    await page.goBack();
    await page.getByText('managers to look at').waitFor();
  });

  test('a checkup is shown as it comes, without asking again', async () => {
    const page = await open('/');
    await row(page, 'catalogue', 'worker').getByText('12,430').waitFor();
    await until(() => fixture.listeners() === 1, 'the stream');
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    fixture.emit({ app: 'catalogue', processType: 'worker', point });
    await row(page, 'catalogue', 'worker').getByText('77', { exact: true }).waitFor();
    fixture.emit({
      app: 'catalogue',
      processType: 'worker',
      point: { at: point.at + 1, current: 6, desired: 6, unknown: 1 },
      unknown: 'the broker is gone',
    });
    await row(page, 'catalogue', 'worker').getByText('reading unknown').waitFor();
    expect(
      await row(page, 'catalogue', 'worker')
        .getByText('unknown', { exact: true })
        .first()
        .getAttribute('title'),
    ).toBe('the broker is gone');
    expect(asked).toEqual([]);
  });

  test('a manager: charts with words for them, the goal, and live points and decisions', async () => {
    const page = await open('/apps/catalogue/worker');
    const chart = page.getByRole('img', { name: /^Work\. waiting: now/ });
    await chart.waitFor();
    expect(await chart.getAttribute('aria-label')).toMatch(
      /highest [\d,]+ at \d\d:\d\d.*Unknown for about 4 min/,
    );
    expect(await page.locator('.legend').nth(1).textContent()).toMatch(/goal\s+30 s/);
    await page.getByText('worker 4 → 0').waitFor();
    fixture.emit({
      app: 'catalogue',
      processType: 'worker',
      point,
      decision: decision(500, point.at, {
        current: 8,
        desired: 6,
        sentence: 'worker 8 → 6: the burst is over.',
      }),
    });
    await page.getByText('worker 8 → 6: the burst is over.').waitFor();
    await page.getByRole('img', { name: /^Work\. waiting: now 77/ }).waitFor();
    expect(await page.locator('.tile').first().textContent()).toContain('77');
  });

  test('unknown is a hatched band without a line', async () => {
    const page = await open('/apps/catalogue/worker');
    const canvas = page.locator('canvas').first();
    await canvas.waitFor();
    // The generated data is unknown from 55 to 62 hundredths of the hour, and quiet (0) at 80.
    const inked = (share: number): Promise<number> =>
      canvas.evaluate((element: HTMLCanvasElement, at) => {
        const x = Math.round(52 + (element.width - 60) * at);
        const pixels = element.getContext('2d')?.getImageData(x, 12, 1, element.height - 60).data ?? [];
        return pixels.filter((value, index) => index % 4 === 3 && value > 0).length / (pixels.length / 4);
      }, share);
    await until(async () => (await inked(0.58)) > 0.98, 'the band');
    expect(await inked(0.8)).toBeLessThan(0.3);
  });

  test('the time shown is kept in the address', async () => {
    const page = await open('/apps/catalogue/worker');
    await page.getByText('15 min').click();
    await page.waitForURL(/span=15m/);
    await page.getByText('7 d', { exact: true }).click();
    await page.waitForURL(/span=7d/);
    await page.reload();
    expect(await page.getByRole('radio', { name: '7 d' }).isChecked()).toBe(true);
  });

  test('a decision opens to its reasons, by keyboard', async () => {
    const page = await open('/apps/catalogue/worker');
    const head = page.getByRole('button', { name: /worker 5 → 8/ }).first();
    await head.focus();
    await page.keyboard.press('Enter');
    expect(await head.getAttribute('aria-expanded')).toBe('true');
    const reasons = await page.locator('.reasons li').allInnerTexts();
    expect(reasons).toHaveLength(3);
    expect(reasons[0]).toMatch(/5 → 11[\s\S]*12,430 waiting, oldest 41 s, goal 30 s/);
    expect(reasons[2]).toMatch(/11 → 8[\s\S]*at most 8/);
    await page.getByText('It is tried again in 20 s').waitFor();
    await page.getByText('5 checkups').waitFor();
  });

  test('settings: only what was changed is sent, and a checkup does not overwrite what is typed', async () => {
    const page = await open('/apps/catalogue/worker');
    await page.getByRole('tab', { name: 'Settings' }).click();
    const save = page.getByRole('button', { name: 'Save' });
    await page.getByLabel('Goal (s)').fill('12');
    await page.getByText('Not saved yet.').waitFor();
    await page.getByLabel('Maximum workers').fill('20');
    fixture.emit({ app: 'catalogue', processType: 'worker', point });
    await page.getByText('77', { exact: true }).first().waitFor();
    expect(await page.getByLabel('Goal (s)').inputValue()).toBe('12');
    await save.click();
    await page.getByText('Saved.').waitFor();
    expect(changes()).toEqual([
      [
        'PATCH',
        '/api/apps/catalogue/managers/worker',
        { maximum: 20, rules: [{ use: 'wait-goal', options: { goalSeconds: 12 } }] },
      ],
    ]);
    await page.locator('.tile').getByText('goal 12 s').waitFor();
    expect(await save.isDisabled()).toBe(true);
  });

  test('settings: what cannot be is said before it is sent, and a refusal is shown', async () => {
    const page = await open('/apps/catalogue/worker?view=settings');
    const save = page.getByRole('button', { name: 'Save' });
    await page.getByLabel('Goal (s)').fill('0');
    await page.getByText('At least 1 s.').waitFor();
    expect(await save.isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'Undo changes' }).click();
    await page.getByRole('button', { name: 'Add a rule' }).click();
    await page.getByRole('menuitem', { name: /Queue size/ }).click();
    await page.getByText('This is needed.').waitFor();
    await page.getByRole('button', { name: 'Remove rule Queue size' }).click();
    await page.getByLabel('Minimum workers').fill('9');
    await page.getByText('Less than the minimum.', { exact: true }).waitFor();
    await page.getByLabel('Maximum workers').fill('9999');
    await save.click();
    await page.getByText('nobody pays for that').waitFor();
    expect(await page.getByLabel('Maximum workers').inputValue()).toBe('9999');
  });

  test('settings: a secret stays as it was until another is typed', async () => {
    const page = await open('/apps/catalogue/worker?view=settings');
    const secret = page.locator('input[type=password]');
    await page.getByLabel('Queues').fill('celery,mail');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved.').waitFor();
    expect(changes()[0]?.[2]).toEqual({
      meters: [{ use: 'celery-redis', options: { url: '••••••', queues: 'celery,mail' } }],
    });
    expect(await secret.inputValue()).toBe('');
    await secret.fill('redis://:new@db:6379');
    await page.getByRole('button', { name: 'Save' }).click();
    await until(() => changes().length === 2, 'the second save');
    expect(changes()[1]?.[2]).toMatchObject({ meters: [{ options: { url: 'redis://:new@db:6379' } }] });
  });

  test('pause, resume, hold, end the hold', async () => {
    const page = await open('/apps/catalogue/worker');
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText('Paused.').waitFor();
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByText('Paused.').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Hold…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Hold worker' });
    await dialog.getByLabel('Workers').fill('9');
    await dialog.getByText('outside the bounds of 0 to 8').waitFor();
    await dialog.getByLabel('Workers').fill('3');
    const before = Date.now();
    await dialog.getByRole('button', { name: 'Hold' }).click();
    await page.getByText('Held at 3 by Rachel').waitFor();
    const [, , put] = changes();
    expect(put?.slice(0, 2)).toEqual(['PUT', '/api/apps/catalogue/managers/worker/hold']);
    const { count, until: end } = put![2] as { count: number; until: number };
    expect(count).toBe(3);
    expect(Math.abs(end - before - 3_600_000)).toBeLessThan(60_000);
    await page.getByRole('button', { name: 'End the hold' }).click();
    await page.getByText('Held at 3').first().waitFor({ state: 'detached' });
    expect(changes().at(-1)?.[0]).toBe('DELETE');
  });

  test('a hold without an end, and none until a time that is past', async () => {
    const page = await open('/apps/catalogue/worker');
    await page.getByRole('button', { name: 'Hold…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('combobox', { name: 'For how long' }).click();
    await page.getByRole('option', { name: 'Until a time' }).click();
    await dialog.getByLabel('Until', { exact: true }).fill('2020-01-01T10:00');
    await dialog.getByText('This time is past.').waitFor();
    expect(await dialog.getByRole('button', { name: 'Hold' }).isDisabled()).toBe(true);
    await dialog.getByRole('combobox', { name: 'For how long' }).click();
    await page.getByRole('option', { name: 'Until it is ended by hand' }).click();
    await dialog.getByRole('button', { name: 'Hold' }).click();
    await page.getByText('until it is ended by hand.').waitFor();
    expect(changes()).toEqual([['PUT', '/api/apps/catalogue/managers/worker/hold', { count: 5 }]]);
  });

  test('evaluate now shows what would be decided, with its readings', async () => {
    const page = await open('/apps/catalogue/worker');
    await page.getByRole('button', { name: 'Evaluate now' }).click();
    const dialog = page.getByRole('dialog', { name: 'worker, evaluated now' });
    await dialog.getByText('Nothing was changed or recorded').waitFor();
    await dialog.getByText('growing needs no pause').waitFor();
    expect(await dialog.locator('.reading').textContent()).toMatch(/waiting\s*12,430/);
    fixture.state.failing.set('/api/apps/catalogue/managers/worker/evaluate', 502);
    await dialog.getByRole('button', { name: 'Again' }).click();
    await dialog.getByText('The store cannot be reached').waitFor();
  });

  test('an app: its token, the command, and what it answers', async () => {
    const page = await open('/apps/catalogue');
    const token = fixture.state.apps[0]!.token;
    await page.getByRole('heading', { name: 'Token' }).waitFor();
    expect(await page.locator('main').textContent()).not.toContain(token);
    await page.getByRole('button', { name: 'Copy the command for Heroku' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(
      `heroku config:set HIREFIRE_TOKEN=${token}`,
    );
    await page.getByRole('button', { name: 'Reveal' }).click();
    expect(await page.getByTestId('token').textContent()).toBe(token);
    await page.getByRole('button', { name: 'Test' }).click();
    expect(await page.getByRole('row', { name: 'worker' }).textContent()).toMatch(/12,430/);
    expect(await page.getByRole('row', { name: 'mailer' }).textContent()).toMatch(/unknown/);
    await page.getByRole('button', { name: 'New token…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Make a new token' }).click();
    await page.getByTestId('token').getByText('renewed-').waitFor();
  });

  test('the set-up guide: commands and lines to copy, by process type, measure and framework, and whether it pushes', async () => {
    const page = await open('/apps/catalogue');
    const guide = page.getByRole('region', { name: 'Set-up' });
    const token = fixture.state.apps[0]!.token;
    await guide.getByText('For jobs.').waitFor();
    expect(await guide.textContent()).not.toContain(token);
    await guide.getByText('Requests', { exact: true }).click();
    await guide.getByText('For requests.').waitFor();
    await guide.getByRole('combobox', { name: 'Process type' }).click();
    await page.getByRole('option', { name: 'web' }).click();
    await guide.getByText('app.use(forExpress(agent)); // web').waitFor();
    await guide.getByRole('combobox', { name: 'Framework' }).click();
    await page.getByRole('option', { name: 'Fastify' }).click();
    await guide.getByRole('button', { name: 'Copy the lines for Fastify' }).click();
    await guide.getByRole('button', { name: 'Copied' }).waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(
      'await app.register(forFastify(agent)); // web',
    );
    await guide.getByText(/Python-1\.0\.3, 12 times, the last one (now|\d+ s ago)/).waitFor();
    await page.goto(`${fixture.url}/apps/royalties`);
    await page.getByText('Nothing was heard yet').waitFor();
    fixture.state.failing.set('/api/apps/royalties/setup-guide', 502);
    await page.reload();
    await page.getByText('The guide could not be loaded').waitFor();
  });

  test('an app that does not answer says why; one without an address is not asked', async () => {
    const page = await open('/apps/royalties');
    await page.getByRole('button', { name: 'Test' }).click();
    await page.getByText('It answered 404').waitFor();
    await page.goto(`${fixture.url}/apps/fresh`);
    await page.getByLabel('Address').fill('');
    await page.getByRole('button', { name: 'Save' }).click();
    await until(() => fixture.state.apps.at(-1)?.url === null, 'the change');
  });

  test('add an app and a manager, and remove them', async () => {
    const page = await open('/');
    await page.getByRole('button', { name: 'Add an app' }).click();
    const adding = page.getByRole('dialog', { name: 'Add an app' });
    await adding.getByLabel('Name').fill('Music');
    await adding.getByText('Only lower-case letters').waitFor();
    await adding.getByLabel('Name').fill('catalogue');
    await adding.getByRole('button', { name: 'Add' }).click();
    await adding.getByText('There is an app "catalogue" already').waitFor();
    await adding.getByLabel('Name').fill('music');
    await adding.getByRole('button', { name: 'Add' }).click();
    await page.getByRole('heading', { level: 1, name: 'music' }).waitFor();
    await page.getByRole('button', { name: 'Add a manager' }).click();
    const manager = page.getByRole('dialog', { name: 'Add a manager' });
    await manager.getByLabel('Process type').fill('mailer');
    await manager.getByRole('button', { name: 'Add a meter' }).click();
    await page.getByRole('menuitem', { name: /Info endpoint/ }).click();
    await manager.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'mailer' }).waitFor();
    expect(changes().at(-1)).toEqual([
      'POST',
      '/api/apps/music/managers',
      { processType: 'mailer', minimum: 0, maximum: 5, meters: [{ use: 'http-info', options: {} }] },
    ]);
    await page.getByText('no checkup yet').waitFor();
    await page.getByRole('tab', { name: 'Settings' }).click();
    await page.getByRole('button', { name: 'Remove this manager…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove the manager' }).click();
    await page.getByText('Nothing is managed yet').waitFor();
    await page.getByRole('button', { name: 'Remove this app…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove the app' }).click();
    await page.getByText('managers to look at').waitFor();
    await until(
      async () => (await page.getByRole('link', { name: 'music' }).count()) === 0,
      'the link to go',
    );
  });

  test('many apps can be filtered; none is told how to begin', async () => {
    const [app] = demoApps(Date.now());
    fixture.state.apps = Array.from({ length: 60 }, (_, index) => ({ ...app!, name: `app-${index}` }));
    const page = await open('/');
    await page.getByRole('searchbox').fill('app-37');
    await page.getByRole('heading', { name: 'app-37' }).waitFor();
    await until(async () => (await page.getByRole('heading', { level: 2 }).count()) === 1, 'one app');
    await page.getByRole('searchbox').fill('nothing like it');
    await page.getByText('No app or manager has').waitFor();
    fixture.state.apps = [];
    await page.reload();
    await page.getByText('No apps yet').waitFor();
    await page.getByText('headcount.yaml').waitFor();
  });
});
