import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** A controller to develop against: `npx vite --config web/vite.config.ts`. */
const controller = process.env.HEADCOUNT_URL ?? 'http://127.0.0.1:4700';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [react()],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    // The page's content security policy allows no data: scripts, and inlined assets are never cached.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        // All that the first page needs in two files, which come side by side: a telephone waits for each request anew. What
        // is not ours changes seldom, so an update leaves it where it is kept.
        codeSplitting: {
          groups: [
            {
              name: 'libraries',
              tags: ['$initial'],
              test: /node_modules.*\.m?js$|rolldown.runtime/,
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
