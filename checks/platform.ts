/**
 * For tests of several controllers: a platform with one number of workers per app, and the info endpoint of each app. It
 * writes down who counted, who scaled, and whether two did so at once.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Scaled {
  readonly at: number;
  readonly app: string;
  /** Name of the controller. */
  readonly by: string;
  readonly from: number;
  readonly to: number;
}

export interface Platform {
  readonly url: string;
  /** What waits, by app. */
  readonly waiting: Map<string, number>;
  readonly scaled: readonly Scaled[];
  /** Who counted each app last, and when. */
  readonly counted: ReadonlyMap<string, { readonly by: string; readonly at: number }>;
  /** The longest time between two counts of any app since the last call. */
  longestGapMs(): number;
  /** What must never be: the same change twice, or two changes of one app at once. */
  readonly faults: readonly string[];
  close(): Promise<void>;
}

export async function startPlatform(): Promise<Platform> {
  const waiting = new Map<string, number>();
  const counts = new Map<string, number>();
  const counted = new Map<string, { by: string; at: number }>();
  const scaling = new Map<string, string>();
  const scaled: Scaled[] = [];
  const faults: string[] = [];
  let gap = 0;
  const scale = (app: string, by: string, to: number): void => {
    const from = counts.get(app) ?? 0;
    if (from === to) faults.push(`${by} set ${app} to ${to}, which it was: two decided the same`);
    counts.set(app, to);
    scaled.push({ at: Date.now(), app, by, from, to });
  };
  const server = createServer((request, response) => {
    const [, first = '', app = '', token] = (request.url ?? '').split('/');
    const answer = (body: object): void => void response.end(JSON.stringify(body));
    response.setHeader('content-type', 'application/json');
    // The info endpoint: /info-of/<app>/hirefire/<token>/info
    if (first === 'info-of' && token !== undefined)
      return answer([{ name: 'worker', quantity: waiting.get(app) ?? 0 }]);
    if (request.method === 'GET') {
      const before = counted.get(app);
      if (before) gap = Math.max(gap, Date.now() - before.at);
      counted.set(app, { by: first, at: Date.now() });
      return answer({ count: counts.get(app) ?? 0 });
    }
    const other = scaling.get(app);
    if (other !== undefined) faults.push(`${first} scaled ${app} while ${other} did`);
    scaling.set(app, first);
    let text = '';
    request.on('data', (piece) => {
      text += String(piece);
    });
    request.on('close', () => scaling.delete(app));
    request.on('end', () => {
      scale(app, first, (JSON.parse(text) as { count: number }).count);
      answer({});
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    waiting,
    scaled,
    counted,
    faults,
    longestGapMs: () => {
      const longest = gap;
      gap = 0;
      return longest;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
