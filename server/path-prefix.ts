/**
 * A controller below a path, as `publicUrl: https://example.com/headcount` says. A proxy in front may pass the path on or cut it
 * off: both are taken. Inside, every path is as it is without one, so that no route knows of it; what leaves (links, the page's
 * addresses) has it.
 */
import type { RequestListener } from 'node:http';

/** `/headcount`; empty where the public address has no path. */
export function prefixOf(publicUrl: string | undefined): string {
  return publicUrl === undefined ? '' : new URL(publicUrl).pathname.replace(/\/+$/, '');
}

/** Takes the path off what comes in. */
export function withoutPrefix(publicUrl: string | undefined, listener: RequestListener): RequestListener {
  const prefix = prefixOf(publicUrl);
  if (prefix === '') return listener;
  return (request, response) => {
    const { url = '/' } = request;
    const rest = url.startsWith(prefix) ? url.slice(prefix.length) : undefined;
    if (rest !== undefined && (rest === '' || /^[/?]/.test(rest)))
      request.url = rest.startsWith('/') ? rest : `/${rest}`;
    return listener(request, response);
  };
}

/** The page with its own addresses below the path, which its script reads from `headcount-path`. */
export function pageBelow(html: string, prefix: string): string {
  if (prefix === '') return html;
  const meta = `<meta name="headcount-path" content="${prefix.replace(/[&"<>]/g, encodeURIComponent)}" />`;
  return html.replace(/ (src|href)="\/(?!\/)/g, ` $1="${prefix}/`).replace('<head>', `<head>\n    ${meta}`);
}
