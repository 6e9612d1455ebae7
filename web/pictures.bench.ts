/**
 * The pictures in docs/pictures: every page in both themes, wide and narrow, over made-up apps; `npx tsx web/pictures.bench.ts`
 * after a build. They are looked at by people and compared by nobody, so no test runs this.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Look, startBrowser } from './browser.ts';
import { startFixture } from './fixture.ts';

const pages: readonly (readonly [name: string, path: string, landmark: string])[] = [
  ['apps', '/', 'text=managers to look at'],
  ['app', '/apps/catalogue', 'text=Where it runs'],
  ['manager', '/apps/catalogue/worker?span=6h', 'canvas >> nth=2'],
  ['manager-settings', '/apps/royalties/nightly?view=settings', '.week-grid'],
  ['issues', '/issues', 'text=Earlier issues'],
  ['decisions', '/decisions', 'text=dry run'],
  ['tasks', '/tasks', 'text=SoftTimeLimitExceeded'],
  ['workers', '/workers?app=catalogue', 'text=worker.5'],
  ['cost', '/cost', 'text=By app and process type'],
  ['channels', '/settings/channels', 'text=535 wrong password'],
  ['login', '/login', 'form'],
  ['no-such-page', '/nowhere', 'text=There is no such page'],
];
const looks: readonly Look[] = [
  { scheme: 'light', width: 1_280 },
  { scheme: 'dark', width: 1_280 },
  { scheme: 'light', width: 390 },
  { scheme: 'dark', width: 390 },
];

const folder = join(fileURLToPath(new URL('..', import.meta.url)), 'docs', 'pictures');
mkdirSync(folder, { recursive: true });
const fixture = await startFixture();
const nightly = fixture.state.apps
  .flatMap(({ managers }) => managers)
  .find((one) => one.processType === 'nightly');
if (nightly)
  nightly.limits = [
    {
      use: 'schedule',
      options: {
        ranges: 'mon-fri 22:00-06:00 min 4 max 8; sat,sun 00:00-24:00 max 2',
        timeZone: 'Europe/Berlin',
      },
    },
  ];
const browser = await startBrowser(process.env.CHROMIUM ?? '/usr/bin/chromium');
for (const look of looks) {
  for (const [name, path, landmark] of pages) {
    const { page } = await browser.open(fixture.url + path, look);
    await page.locator(landmark).first().waitFor();
    // Fonts and charts stand one frame after what they belong to.
    await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
    const width = (look.width ?? 0) > 600 ? 'wide' : 'narrow';
    await page.screenshot({ path: join(folder, `${name}-${look.scheme}-${width}.png`) });
  }
  console.log(JSON.stringify(look), (await browser.leave()).join('; ') || 'drawn');
}
const { page } = await browser.open(`${fixture.url}/apps/catalogue/worker?span=6h`, looks[0]);
await page.locator('canvas >> nth=2').waitFor();
await page.screenshot({ path: join(folder, 'manager.png') });
await browser.close();
await fixture.close();
