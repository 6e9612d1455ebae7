/**
 * How a page's first load is measured: on a mid-range telephone, and as it comes without one. Interactive is when the
 * overview stands there, was clicked, and the frame that shows the answer is drawn. The page tells that by itself, so that
 * the driver's own looking, which is slowed like all else in the page, is not in the figure.
 *
 * A busy machine stretches every time. What it does not: bytes, requests, and the time for which the main thread really
 * ran, by the processor's own count.
 */
import { gzipSync } from 'node:zlib';
import type { CDPSession, Page, Request } from 'playwright-core';
import type { Visitor } from './browser.ts';

export interface Profile {
  readonly name: string;
  /** How many times slower the processor is. */
  readonly slower: number;
  readonly network?: { readonly bitsPerSecond: number; readonly latencyMs: number };
}

/** As Lighthouse's mid-range mobile has the processor; the network is 4G as Chromium's tools have it. */
export const telephone: Profile = {
  name: 'a mid-range telephone (390 px, processor 4 times slower, 4G: 9 Mbit/s, 170 ms)',
  slower: 4,
  network: { bitsPerSecond: 9e6, latencyMs: 170 },
};
export const unthrottled: Profile = { name: 'this machine, unthrottled (390 px)', slower: 1 };

export interface FirstLoad {
  readonly interactiveMs: number;
  /** Of the main thread, until interactive, by the processor's count. */
  readonly mainThreadMs: number;
  readonly requestsCount: number;
  readonly scriptBytes: number;
}

export async function firstLoad(browser: Visitor, url: string, profile: Profile): Promise<FirstLoad> {
  const { page, context } = await browser.open('about:blank', { width: 390 });
  const session = await context.newCDPSession(page);
  await slowDown(session, profile);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  await page.addInitScript(watch);
  const requests: Request[] = [];
  page.on('request', (request) => requests.push(request));
  const interactive = page.waitForEvent('console', {
    predicate: (message) => message.text() === 'interactive',
    timeout: 120_000,
  });
  await page.goto(url, { waitUntil: 'commit' });
  await interactive;
  const asked = requests.slice();
  const { metrics } = await session.send('Performance.getMetrics');
  const ran = metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN;
  return {
    interactiveMs: await page.evaluate("performance.getEntriesByName('interactive')[0].startTime"),
    mainThreadMs: ran * 1000,
    requestsCount: asked.length,
    scriptBytes: await scriptBytesOf(asked),
  };
}

/** Of every script that is loaded until `landmark` is there, as gzip makes it. */
export async function scriptBytesOfPage(page: Page, url: string, landmark: string): Promise<number> {
  const requests: Request[] = [];
  page.on('request', (request) => requests.push(request));
  await page.goto(url);
  await page.getByText(landmark).waitFor();
  return await scriptBytesOf(requests);
}

async function scriptBytesOf(requests: readonly Request[]): Promise<number> {
  const sizes = requests
    .filter((request) => request.resourceType() === 'script')
    .map(async (request) => gzipSync((await (await request.response())?.body()) ?? '').length);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

async function slowDown(session: CDPSession, { slower, network }: Profile): Promise<void> {
  await session.send('Emulation.setCPUThrottlingRate', { rate: slower });
  if (!network) return;
  await session.send('Network.enable');
  await session.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: network.latencyMs,
    downloadThroughput: network.bitsPerSecond / 8,
    uploadThroughput: network.bitsPerSecond / 16,
  });
}

/** As text: what compiles this file adds names to functions that the page does not know. */
const watch = `(() => {
  const button = (text) => [...document.querySelectorAll('button')].find((one) => one.textContent === text);
  let pressed = false;
  requestAnimationFrame(function look() {
    if (pressed && button('Open all'))
      return requestAnimationFrame(() => {
        performance.mark('interactive');
        console.debug('interactive');
      });
    const close = pressed ? undefined : button('Close all');
    if (close) {
      pressed = true;
      performance.mark('shown');
      close.click();
    }
    requestAnimationFrame(look);
  });
})()`;
