/**
 * How quickly the dashboard is drawn, in a real Chromium: `npx tsx web/look.bench.ts` over the built page.
 *
 * The overview of 1,000 managers and a year's chart are timed in the page: from the moment at which the answer is there to
 * the second frame after it, so that layout and painting are in it. The first load is on a telephone as Lighthouse's
 * mid-range profile has it, a processor four times slower, on 4G (9 Mbit/s, 170 ms); interactive is when the overview is
 * there and a click is answered. A median of several is printed, with the slowest.
 */
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { startBrowser } from './browser.ts';
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
    "performance.getEntriesByName('drawn')[0].startTime - performance.getEntriesByName('answered')[0].startTime",
  );
}

async function repeat(name: string, limit: string, once: () => Promise<number>): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    times.push(await once());
    await browser.leave();
  }
  times.sort((a, b) => a - b);
  const median = times[Math.floor(times.length / 2)] ?? Number.NaN;
  console.log(
    `${name}: ${median.toFixed(0)} ms (slowest of ${rounds}: ${times.at(-1)?.toFixed(0)}), ${limit}`,
  );
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
await repeat('first load on a throttled telephone, interactive', 'below 1,500', async () => {
  fixture.state.apps = demo;
  const { page, context } = await browser.open('about:blank', { width: 390 });
  const session = await context.newCDPSession(page);
  await session.send('Emulation.setCPUThrottlingRate', { rate: 4 });
  await session.send('Network.enable');
  const bytesPerSecond = 9e6 / 8;
  await session.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: 170,
    downloadThroughput: bytesPerSecond,
    uploadThroughput: bytesPerSecond / 2,
  });
  const begun = performance.now();
  await page.goto(fixture.url, { waitUntil: 'commit' });
  await page.getByText('managers to look at').waitFor();
  await page.getByRole('button', { name: 'Close all' }).click();
  await page.getByRole('button', { name: 'Open all' }).waitFor();
  return performance.now() - begun;
});

const { page } = await browser.open('about:blank');
const sizes: Promise<number>[] = [];
page.on('response', (response) => {
  if (response.request().resourceType() === 'script')
    sizes.push(response.body().then((body) => gzipSync(body).length));
});
await page.goto(fixture.url);
await page.getByText('managers to look at').waitFor();
const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
console.log(`script of the first load: ${(bytes / 1000).toFixed(0)} KB gzip, at most 250`);
await browser.close();
await fixture.close();
