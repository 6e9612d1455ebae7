/**
 * The built dashboard: files of web/dist, and index.html for every other address, because the page finds its own way.
 * Names with a hash never change and are kept for a year; index.html is asked for anew each time.
 */
import { readFile, realpath, stat } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import { pageBelow } from './path-prefix.ts';

const contentTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
};

/** @param prefix the path of the public address, without a slash at its end */
export async function page(folder: string, path: string, prefix = ''): Promise<Response> {
  const found =
    (await file(folder, path, prefix)) ??
    (extname(path) === '' ? await file(folder, '/index.html', prefix) : undefined);
  if (found) return found;
  if (extname(path) !== '') return new Response('not found\n', { status: 404 });
  return new Response(notBuilt, { status: 503, headers: { 'content-type': 'text/html; charset=utf-8' } });
}

async function file(folder: string, path: string, prefix: string): Promise<Response | undefined> {
  try {
    const root = await realpath(folder);
    const full = await realpath(join(root, decodeURIComponent(path)));
    if (!full.startsWith(root + sep) || !(await stat(full)).isFile()) return undefined;
    const type = contentTypes[extname(full)];
    if (!type) return undefined;
    const cache = path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
    const bytes = await readFile(full);
    const body = extname(full) === '.html' ? pageBelow(bytes.toString('utf8'), prefix) : bytes;
    return new Response(body, { headers: { 'content-type': type, 'cache-control': cache } });
  } catch {
    return undefined;
  }
}

const notBuilt = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Headcount</title>
<h1>The dashboard is not built</h1>
<p>The controller runs and its API answers. To build the dashboard, run <code>npm run build</code> in its folder, then
load this page again.</p></html>
`;
