/** Tells `npm test` which files failed, so that CI runs those few again, alone, before it gives up. */
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { Reporter } from 'vitest/reporters';

/**
 * @param target a file that gets a JSON array: the paths, from `root`, of the test files with a failed test, a failed hook, or
 *   an error that nobody caught; `null` stands for an error that belongs to no file
 */
export function failedFiles(target: string, root: string): Reporter {
  return {
    onTestRunEnd: (modules, errors) => {
      const failed = modules.filter((one) => !one.ok()).map((one) => one.moduleId);
      const thrown = errors.map((error) => {
        const path: unknown = error['VITEST_TEST_PATH'];
        return typeof path === 'string' ? path : null;
      });
      const paths = [...new Set([...failed, ...thrown])];
      writeFileSync(target, JSON.stringify(paths.map((path) => path && relative(root, path))));
    },
  };
}
