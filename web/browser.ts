/** A real Chromium for the dashboard's tests: pages in a theme and a width, whose complaints are collected. */
import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

export interface Look {
  readonly scheme?: 'light' | 'dark';
  readonly width?: number;
}

/** Each page is looked at in both. */
export const bothLooks: readonly Look[] = [
  { scheme: 'light', width: 1_280 },
  { scheme: 'dark', width: 390 },
];

export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the page complained about: errors of scripts, and what the content security policy refused. */
  readonly complaints: string[];
}

export interface Visitor {
  open(url: string, look?: Look): Promise<Visit>;
  /** Closes every page that was opened, and answers with what they complained about. */
  leave(): Promise<string[]>;
  close(): Promise<void>;
}

const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export async function startBrowser(executablePath: string): Promise<Visitor> {
  const browser = await chromium.launch({ executablePath, args: flags });
  const visits: Visit[] = [];
  return {
    open: async (url, look = {}) => {
      const visit = await enter(browser, look);
      visits.push(visit);
      await visit.page.goto(url);
      return visit;
    },
    leave: async () => {
      const left = visits.splice(0);
      await Promise.all(left.map(({ context }) => context.close()));
      return left.flatMap(({ complaints }) => complaints);
    },
    close: () => browser.close(),
  };
}

async function enter(browser: Browser, { scheme = 'light', width = 1_280 }: Look): Promise<Visit> {
  const context = await browser.newContext({
    colorScheme: scheme,
    viewport: { width, height: width < 600 ? 844 : 900 },
    permissions: ['clipboard-read', 'clipboard-write'],
    reducedMotion: 'reduce',
  });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    // An answer that is not 200 is logged by the browser itself; what the page makes of it is what is tested.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      complaints.push(message.text());
  });
  return { page, context, complaints };
}

/** How far the page can be scrolled sideways; 0 is what it should be. */
export async function sideways(page: Page): Promise<number> {
  return await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
}

/** What is wrong with a page as it stands: how far it goes beyond the window, and what axe finds. Empty when nothing is. */
export async function faultsOf(page: Page): Promise<unknown[]> {
  const beyond = await sideways(page);
  const { violations } = await new AxeBuilder({ page }).analyze();
  const found = violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html.slice(0, 160))]);
  return beyond === 0 ? found : [`${beyond} pixels too wide`, ...found];
}
