/** What is asked for before the script is there, and when that is taken; the asking in a real browser. */
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { has } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import { firstAnswer } from './first-answers.ts';
import { openFixture } from './open-fixture.ts';

const never = new AbortController().signal;
const given = (answer: Promise<Response | undefined>) => new Map([['/api/me', answer]]);

test('an answer is taken once, by the call that would ask for the same', async () => {
  const first = given(Promise.resolve(new Response('hello')));
  expect(await firstAnswer('/api/apps', never, first, 0)).toBeUndefined();
  expect(await (await firstAnswer('/api/me', never, first, 0))?.text()).toBe('hello');
  expect(await firstAnswer('/api/me', never, first, 0)).toBeUndefined();
  expect(await firstAnswer('/api/me', never, undefined, 0)).toBeUndefined();
});

test.each([
  ['a refusal', Promise.resolve(new Response('', { status: 401 })), 0],
  ['one that did not come', Promise.resolve(undefined), 0],
  ['an old one', Promise.resolve(new Response('')), 15_001],
])('%s is not taken', async (_, answer, ageMs) => {
  const first = given(answer);
  expect(await firstAnswer('/api/me', never, first, ageMs)).toBeUndefined();
  expect(first.size).toBe(0);
});

test('one that does not come is waited for no longer than the call waits', async () => {
  const call = new AbortController();
  const answer = firstAnswer('/api/me', call.signal, given(new Promise(() => {})), 0);
  call.abort();
  expect(await answer).toBeUndefined();
  expect(await firstAnswer('/api/me', call.signal, given(new Promise(() => {})), 0)).toBeUndefined();
});

describe.skipIf(!has('chromium'))('in the page', { timeout: 120_000 }, () => {
  const { browser, fixture, open } = openFixture();
  const recorded = async (): Promise<{ page: Page; asked: string[] }> => {
    const { page } = await browser.open('about:blank');
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    return { page, asked };
  };
  const early = ['/api/me', '/api/overview', '/api/issues'];

  test('the overview is asked for before the script is there', async () => {
    const { page, asked } = await recorded();
    await page.route('**/assets/index-*.js', async (route) => {
      await until(() => early.every((path) => asked.includes(path)), 'the first calls');
      await route.continue();
    });
    await page.goto(fixture.url);
    await page.getByText('managers to look at').waitFor();
  });

  test('other pages do not ask for the overview, and the login not even who is here', async () => {
    const { page, asked } = await recorded();
    await page.goto(`${fixture.url}/cost`);
    await page.getByText('By app and process type').waitFor();
    expect(asked).toContain('/api/me');
    expect(asked).not.toContain('/api/overview');
    asked.length = 0;
    await page.goto(`${fixture.url}/login`);
    await page.getByLabel('E-mail').waitFor();
    expect(asked.filter((path) => early.includes(path))).toEqual([]);
  });

  test('what hangs is drawn as loading', async () => {
    fixture.state.failing.set('/api/overview', 'hang');
    const page = await open('/');
    await page.getByText('Loading apps').waitFor({ state: 'attached' });
    await page.getByRole('button', { name: 'Add an app' }).click();
    await page.getByRole('dialog').getByLabel('Name').waitFor();
  });
});
