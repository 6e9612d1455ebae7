/** What the folder that somebody stands in tells: its Procfile's process types, and the language and framework of the app. */
import { existsSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { HeadcountError } from '../../server/errors.ts';

export interface Surroundings {
  /** The name of the folder, as an app may have it. */
  readonly appName: string;
  /** In the order of the Procfile; empty where there is none. */
  readonly processTypes: readonly string[];
  readonly language?: 'node' | 'ruby' | 'python';
  readonly framework?: string;
}

const bytesMaximum = 1_000_000;
/** Packages in package.json by the framework that they show; Nest brings Express along, so it is looked for first. */
const nodeFrameworks = [
  ['next', 'next'],
  ['@nestjs/core', 'nest'],
  ['express', 'express'],
  ['fastify', 'fastify'],
  ['koa', 'koa'],
  ['hono', 'hono'],
] as const;

/** @throws HeadcountError PROCFILE_UNREADABLE for a Procfile that was named and is none */
export function lookAround(folder: string, procfile?: string): Surroundings {
  const appName = basename(resolve(folder))
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63);
  const processTypes = processTypesIn(join(folder, procfile ?? 'Procfile'), procfile !== undefined);
  return { appName: appName || 'app', processTypes, ...languageIn(folder) };
}

function processTypesIn(file: string, required: boolean): string[] {
  const text = textOf(file);
  if (text === undefined && !required) return [];
  const types = [...(text ?? '').matchAll(/^[ \t]*([A-Za-z][A-Za-z0-9_-]*)[ \t]*:[ \t]*\S/gm)].map(
    ([, type = '']) => type,
  );
  if (types.length > 0) return [...new Set(types)];
  throw new HeadcountError(
    'PROCFILE_UNREADABLE',
    `The Procfile ${file} cannot be read`,
    text === undefined ? 'there is no such file' : 'it has no line such as "worker: celery -A app worker"',
    'Name another one with --procfile, or the process type with --type.',
  );
}

function languageIn(folder: string): Pick<Surroundings, 'language' | 'framework'> {
  const node = textOf(join(folder, 'package.json'));
  const ruby = textOf(join(folder, 'Gemfile'));
  const python = ['requirements.txt', 'pyproject.toml', 'Pipfile']
    .map((name) => textOf(join(folder, name)))
    .filter((text) => text !== undefined)
    .join('\n');
  if (ruby !== undefined) return { language: 'ruby', framework: /\brails\b/.test(ruby) ? 'rails' : 'rack' };
  if (python !== '') {
    const framework = ['django', 'flask', 'fastapi'].find((name) =>
      new RegExp(`\\b${name}\\b`, 'i').test(python),
    );
    const named = /\bstarlette\b/i.test(python) ? 'fastapi' : framework;
    return { language: 'python', ...(named && { framework: named }) };
  }
  if (node === undefined) return {};
  return {
    language: 'node',
    framework: nodeFrameworks.find(([name]) => node.includes(`"${name}"`))?.[1] ?? 'http',
  };
}

function textOf(file: string): string | undefined {
  try {
    if (!existsSync(file)) return undefined;
    return readFileSync(file, 'utf8').slice(0, bytesMaximum);
  } catch {
    return undefined;
  }
}
