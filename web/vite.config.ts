import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, gzip } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

/** A controller to develop against: `npx vite --config web/vite.config.ts`. */
const controller = process.env.HEADCOUNT_URL ?? 'http://127.0.0.1:4700';

/** Below this it is one packet either way. */
const worthPackingBytes = 1_000;

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [react(), packed()],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    // The page's content security policy allows no data: scripts, and inlined assets are never cached.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      checks: { bundlerTimings: false },
      output: {
        // Most of the libraries runs at once: Chromium then compiles them beside the main thread as they arrive, instead of
        // function by function while the page is drawn.
        postBanner: ({ name }) => (name === 'libraries' ? '//# allFunctionsCalledOnLoad' : ''),
        // All that the first page needs in two files, which come side by side: a telephone waits for each request anew. What
        // is not ours changes seldom, so an update leaves it where it is kept.
        codeSplitting: {
          groups: [
            {
              name: 'libraries',
              tags: ['$initial'],
              test: /node_modules.*\.m?js$/,
              priority: 2,
            },
            { name: 'first', tags: ['$initial'], priority: 1 },
          ],
        },
      },
    },
  },
  // Chunks find one another beside themselves, so that the page also works below a path; the server knows that of index.html.
  experimental: {
    renderBuiltUrl: (_, { hostType }) => (hostType === 'html' ? undefined : { relative: true }),
  },
  server: { proxy: { '/api': controller } },
});

/** Beside each asset itself packed as small as can be: server/pages.ts hands that to who takes it. */
function packed(): Plugin {
  return {
    name: 'packed',
    async writeBundle({ dir = '' }, bundle) {
      const assets = Object.values(bundle).filter(({ fileName }) => fileName.startsWith('assets/'));
      await Promise.all(
        assets.map(async (asset) => {
          const bytes = Buffer.from(asset.type === 'chunk' ? asset.code : asset.source);
          if (bytes.length < worthPackingBytes) return;
          await writeFile(join(dir, `${asset.fileName}.br`), await promisify(brotliCompress)(bytes));
          await writeFile(join(dir, `${asset.fileName}.gz`), await promisify(gzip)(bytes, { level: 9 }));
        }),
      );
    },
  };
}
