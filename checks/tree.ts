/** The files of the project, as the checks see them: what git tracks or would track, so that a new file counts at once. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Paths from the root, of files with one of these endings. */
export function files(...endings: string[]): string[] {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  const paths = listed.split('\n').filter((path) => endings.some((ending) => path.endsWith(ending)));
  return paths.filter((path) => existsSync(root + path)).sort();
}

/** TypeScript that ships: no tests, no contract suites, no checks, no configuration. */
export function sources(): string[] {
  return files('.ts', '.tsx').filter(
    (path) =>
      !/\.test\.tsx?$|\.d\.ts$|\.config\.ts$/.test(path) &&
      !/(^|\/)contract\.ts$/.test(path) &&
      !/^checks\//.test(path),
  );
}

export function read(path: string): string {
  return readFileSync(root + path, 'utf8');
}
