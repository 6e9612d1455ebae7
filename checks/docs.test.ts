/** Documents are held to the code: error codes both ways, links that lead somewhere, decisions that stay short. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { errorCodes } from '../decide/errors.ts';
import { files, read, root } from './tree.ts';

test('docs/errors.md and the list of errors name the same codes', () => {
  const documented = [...read('docs/errors.md').matchAll(/^\| `([A-Z_]+)` \|/gm)].map((match) => match[1]);
  expect([...documented].sort()).toEqual(Object.keys(errorCodes).sort());
});

test('every relative link in a document leads to a file', () => {
  const broken = files('.md').flatMap((path) =>
    [...read(path).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map((match) => match[1] ?? '')
      .filter((target) => !existsSync(join(root, dirname(path), target)))
      .map((target) => `${path} -> ${target}`),
  );
  expect(broken).toEqual([]);
});

test('a decision record has at most 40 lines', () => {
  const long = files('.md').filter(
    (path) => path.startsWith('docs/decisions/') && read(path).trimEnd().split('\n').length > 40,
  );
  expect(long).toEqual([]);
});
