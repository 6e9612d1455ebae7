/** Lists come in pages: `Range: id ..; max=200, order=desc` asks, 206 and `Next-Range` say that there is more. */
import { Refusal } from './refusal.ts';

export interface Page {
  readonly status: 200 | 206;
  readonly body: readonly unknown[];
  readonly headers: Readonly<Record<string, string>>;
}

const defaultMost = 200;
const highestMost = 1_000;
const form = /^(id|name|version)\s*(\]?)([^\s.;]*)\.\.([^\s;]*)\s*(?:;(.*))?$/;

type Item = Readonly<Record<string, unknown>>;

/** @throws Refusal 416 */
export function pageOf(items: readonly object[], range: string | undefined): Page {
  const [, field = 'id', exclusive, from = '', to = '', rest = ''] = form.exec(range ?? 'id ..') ?? [];
  if (range !== undefined && !form.test(range)) throw wrongRange(range);
  const most = Number(/max=(\d+)/.exec(rest)?.[1] ?? defaultMost);
  if (most < 1 || most > highestMost) throw wrongRange(range);
  const down = /order=desc/.test(rest);
  const key = (item: object): string | number => (item as Item)[field] as string | number;
  const compare = (a: string | number, b: string | number): number => (a < b ? -1 : a > b ? 1 : 0);
  const typed = (text: string): string | number => (field === 'version' ? Number(text) : text);
  const sorted = items
    .toSorted((a, b) => compare(key(a), key(b)) * (down ? -1 : 1))
    .filter((item) => {
      const place = compare(key(item), typed(from)) * (down ? -1 : 1);
      return from === '' || place > 0 || (place === 0 && exclusive !== ']');
    })
    .filter((item) => to === '' || compare(key(item), typed(to)) * (down ? -1 : 1) <= 0);
  const body = sorted.slice(0, most);
  const headers: Record<string, string> = { 'accept-ranges': 'id, name, version' };
  const [first, last] = [body[0], body.at(-1)];
  if (first && last) headers['content-range'] = `${field} ${key(first)}..${key(last)}`;
  if (last && body.length < sorted.length)
    headers['next-range'] = `${field} ]${key(last)}..${to}; max=${most}${down ? ', order=desc' : ''}`;
  return { status: body.length < sorted.length ? 206 : 200, body, headers };
}

function wrongRange(range: string | undefined): Refusal {
  return new Refusal(416, 'range_not_satisfiable', `The Range "${range}" is not satisfiable.`);
}
