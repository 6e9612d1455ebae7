import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { failedFiles } from './checks/failed-files.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const failed = process.env['HEADCOUNT_FAILED_FILES'];

export default defineConfig({
  resolve: {
    alias: {
      '@headcount/tasks': here('./tasks/index.ts'),
      '@headcount/agent': here('./agent/index.ts'),
    },
  },
  test: {
    include: ['**/*.test.ts', '**/*.test.tsx'],
    exclude: ['**/node_modules/**', '**/dist/**', '.headcount/**'],
    globalSetup: ['checks/servers.ts'],
    setupFiles: process.env['CI'] ? ['checks/chance.ts'] : [],
    testTimeout: 120_000,
    hookTimeout: 180_000,
    maxWorkers: 2,
    // Real browsers, brokers and processes on a busy machine: one repetition there, and the report names who needed it.
    retry: process.env['CI'] ? 1 : 0,
    reporters: ['default', ...(failed ? [failedFiles(failed, here('.'))] : [])],
  },
});
