/**
 * How quickly the dashboard is drawn, in a real Chromium: `npm run bench -- look`, or `npx tsx web/look.bench.ts` over the built page.
 *
 * The overview of 1,000 managers and a year's chart are timed in the page: from the moment at which the answer is there to
 * the second frame after it, so that layout and painting are in it. How the first load is measured, and on what, stands in
 * first-load.ts. A median of several is printed, with the quickest and the slowest.
 */
import type { Page } from 'playwright-core';
import { startBrowser } from './browser.ts';
import { type FirstLoad, firstLoad, telephone, unthrottled } from './first-load.ts';
import { startFixture } from './fixture.ts';
import { manyApps } from './fixture-many.ts';

const rounds = Number(process.env.ROUNDS ?? 7);
const fixture = await startFixture();
const browser = await startBrowser(process.env.CHROMIUM ?? '/usr/bin/chromium');

/** Milliseconds from when the answer of `path` is read to the second frame that shows `landmark`. */
async function drawn(
  path: string,
  page: Page,
  go: () => Promise<unknown>,
  landmark: string,
): Promise<number> {
  // As text: what compiles this file adds names to functions that the page does not know.
  await page.addInitScript(`
    // What was asked for before the script was there is left, or the loading of the script would be counted in.
    Object.defineProperty(window, 'headcountFirst', { get: () => undefined, set: () => {} });
    const given = window.fetch;
    window.fetch = async (...asked) => {
      const response = await given(...asked);
      if (!String(asked[0]).includes(${JSON.stringify(path)})) return response;
      const text = await response.text();
      performance.mark('answered');
      requestAnimationFrame(function seen() {
        if (!document.querySelector(${JSON.stringify(landmark)})) return requestAnimationFrame(seen);
        requestAnimationFrame(() => requestAnimationFrame(() => performance.mark('drawn')));
      });
      return new Response(text, { status: response.status, headers: response.headers });
    };`);
  await go();
  await page.waitForFunction(() => performance.getEntriesByName('drawn').length > 0);
  return await page.evaluate<number>(
    "performance.getEntriesByName('drawn')[0].startTime - performance.getEntriesByName('answered').at(-1).startTime",
  );
}

async function repeat(name: string, limit: string, once: () => Promise<number>): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    times.push(await once());
    await browser.leave();
  }
  console.log(`${name}: ${spread(times)}, ${limit}`);
}

/** The quickest is what a busy machine disturbed least. */
function spread(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const [quickest, median, slowest] = [0, Math.floor(sorted.length / 2), sorted.length - 1].map((at) =>
    sorted[at]?.toFixed(0),
  );
  return `${median} ms (quickest of ${times.length}: ${quickest}, slowest: ${slowest})`;
}

const demo = fixture.state.apps;
await repeat('overview of 1,000 managers, drawn', 'at most 300', async () => {
  fixture.state.apps = manyApps(100, 10, Date.now());
  const { page } = await browser.open('about:blank');
  return await drawn('/api/overview', page, () => page.goto(fixture.url), '.app-card:nth-of-type(100)');
});
await repeat('the same, all 1,000 opened by a click', '-', async () => {
  fixture.state.apps = manyApps(100, 10, Date.now());
  const { page } = await browser.open(fixture.url);
  await page.getByText('1,000 managers').waitFor();
  return await page.evaluate(async () => {
    const [button] = [...document.querySelectorAll('button')].filter((one) => one.textContent === 'Open all');
    const begun = performance.now();
    button?.click();
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    return document.querySelectorAll('.manager').length === 1_000 ? performance.now() - begun : Number.NaN;
  });
});
await repeat("a year's chart, drawn", 'at most 300', async () => {
  fixture.state.apps = demo;
  const { page } = await browser.open('about:blank');
  const address = `${fixture.url}/apps/catalogue/worker?span=1y`;
  return await drawn('/series?', page, () => page.goto(address), 'canvas');
});
fixture.state.apps = demo;
for (const profile of [telephone, unthrottled]) {
  const loads: FirstLoad[] = [];
  for (let round = 0; round < rounds; round++) {
    loads.push(await firstLoad(browser, fixture.url, profile));
    await browser.leave();
  }
  const limit = profile === telephone ? ', below 1,500' : '';
  console.log(`first load on ${profile.name}, nothing kept from before:`);
  console.log(`  interactive: ${spread(loads.map((load) => load.interactiveMs))}${limit}`);
  console.log(`  main thread, by the processor's count: ${spread(loads.map((load) => load.mainThreadMs))}`);
  console.log(`  requests until then: ${Math.max(...loads.map((load) => load.requestsCount))}`);
  const bytes = Math.max(...loads.map((load) => load.scriptBytes));
  console.log(`  script, gzip: ${(bytes / 1000).toFixed(0)} KB, at most 250`);
}
await browser.close();
await fixture.close();
