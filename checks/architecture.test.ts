/**
 * Which folder may import which: the table, and the test that holds the code to it. Data flows measure -> decide ->
 * scale, but imports point at decide, which owns the words. Tests and contract suites are free.
 */
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';
import { files, read, sources } from './tree.ts';

const mayImport: Readonly<Record<string, readonly string[]>> = {
  decide: [],
  measure: ['decide'],
  scale: ['decide'],
  notify: ['decide'],
  store: ['decide'],
  simulate: ['decide'],
  server: ['decide', 'measure', 'notify', 'scale', 'store'],
  web: ['server (types)'],
  agent: ['measure (types)'],
  tasks: [],
  cli: ['server', 'simulate', 'tasks', '@headcount/tasks'],
  examples: ['@headcount/agent', '@headcount/tasks'],
};

const forbiddenFolders = ['core', 'common', 'shared', 'utils', 'helpers', 'lib', 'types'];

test('every import follows the table', () => {
  const wrong = sources().flatMap((path) => imports(path).flatMap((entry) => complaint(path, entry)));
  expect(wrong).toEqual([]);
});

test('decide imports nothing and reads no clock, no chance and no process', () => {
  const impure = sources()
    .filter((path) => path.startsWith('decide/'))
    .filter((path) =>
      /\bDate\b|Math\.random|\basync\b|\bprocess\.|\bsetTimeout\b/.test(withoutComments(read(path))),
    );
  expect(impure).toEqual([]);
});

test('web imports types of the server and never a value', () => {
  const values = sources()
    .filter((path) => path.startsWith('web/'))
    .filter((path) => /^import (?!type )[^;]*from '(?:\.\.\/)+server\//m.test(read(path)));
  expect(values).toEqual([]);
});

test('no folder has a name that says nothing', () => {
  const bad = files('.ts', '.tsx').filter((path) =>
    path.split('/').some((part) => forbiddenFolders.includes(part)),
  );
  expect(bad).toEqual([]);
});

test('no source lies deeper than two folders below its part', () => {
  expect(files('.ts', '.tsx').filter((path) => path.split('/').length > 4)).toEqual([]);
});

test('no default export, and no bare Error outside the lists of errors', () => {
  const defaults = sources().filter((path) => /^export default /m.test(read(path)));
  const bare = sources().filter((path) => /throw new Error\(/.test(withoutComments(read(path))));
  expect({ defaults, bare }).toEqual({ defaults: [], bare: [] });
});

interface Import {
  readonly from: string;
  readonly typeOnly: boolean;
}

function imports(path: string): Import[] {
  const code = read(path).replace(/`(?:\\.|[^`\\])*`/g, '``');
  const fixed = [
    ...code.matchAll(/^(?:import|export)( type)?\s[^;'"]*?from ['"]([^'"]+)['"]|^import ['"]([^'"]+)['"]/gm),
  ];
  const lazy = [...code.matchAll(/\bimport\(['"]([^'"]+)['"]\)/g)];
  return [
    ...fixed.map((match) => ({ from: match[2] ?? match[3] ?? '', typeOnly: match[1] !== undefined })),
    ...lazy.map((match) => ({ from: match[1] ?? '', typeOnly: false })),
  ];
}

function complaint(path: string, { from, typeOnly }: Import): string[] {
  const part = path.split('/')[0] ?? '';
  const allowed = mayImport[part];
  if (!allowed) return path.includes('/') ? [`${path}: folder ${part} is not in the table`] : [];
  if (from.startsWith('@headcount/')) return allowed.includes(from) ? [] : [`${path} imports ${from}`];
  if (!from.startsWith('.')) return [];
  const target = normalize(join(dirname(path), from)).split('/')[0] ?? '';
  if (target === part || allowed.includes(target)) return [];
  return typeOnly && allowed.includes(`${target} (types)`) ? [] : [`${path} imports ${from}`];
}

function withoutComments(code: string): string {
  return code.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '');
}
