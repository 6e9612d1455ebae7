/**
 * The built dashboard: files of web/dist, and index.html for every other address, because the page finds its own way.
 * Names with a hash never change and are kept for a year; index.html is asked for anew each time. What has a hash lies there
 * packed as well, smaller than could be done while somebody waits.
 */
import { readFile, realpath, stat } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import { takes } from './compressed.ts';
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

/** The endings that the build gives to what it packed, the smallest first. */
const packings = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const;

/**
 * @param prefix the path of the public address, without a slash at its end
 * @param accepted the request's `accept-encoding`; nothing is packed where it is absent
 */
export async function page(folder: string, path: string, prefix = '', accepted = ''): Promise<Response> {
  const found =
    (await file(folder, path, prefix, accepted)) ??
    (extname(path) === '' ? await file(folder, '/index.html', prefix, accepted) : undefined);
  if (found) return found;
  if (extname(path) !== '') return new Response('not found\n', { status: 404 });
  return new Response(notBuilt, { status: 503, headers: { 'content-type': 'text/html; charset=utf-8' } });
}

async function file(
  folder: string,
  path: string,
  prefix: string,
  accepted: string,
): Promise<Response | undefined> {
  try {
    const root = await realpath(folder);
    const full = await realpath(join(root, decodeURIComponent(path)));
    if (!full.startsWith(root + sep) || !(await stat(full)).isFile()) return undefined;
    const type = contentTypes[extname(full)];
    if (!type) return undefined;
    if (path.startsWith('/assets/')) return await asset(full, type, accepted);
    const bytes = await readFile(full);
    const body = extname(full) === '.html' ? pageBelow(bytes.toString('utf8'), prefix) : bytes;
    return new Response(body, { headers: { 'content-type': type, 'cache-control': 'no-cache' } });
  } catch {
    return undefined;
  }
}

async function asset(full: string, type: string, accepted: string): Promise<Response> {
  const headers = {
    'content-type': type,
    'cache-control': 'public, max-age=31536000, immutable',
    vary: 'accept-encoding',
  };
  for (const [encoding, ending] of packings) {
    const packed = takes(accepted, encoding)
      ? await readFile(full + ending).catch(() => undefined)
      : undefined;
    if (packed) return new Response(packed, { headers: { ...headers, 'content-encoding': encoding } });
  }
  return new Response(await readFile(full), { headers });
}

const notBuilt = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Headcount</title>
<h1>The dashboard is not built</h1>
<p>The controller runs and its API answers. To build the dashboard, run <code>npm run build</code> in its folder, then
load this page again.</p></html>
`;
