/**
 * Python's repr() of a JSON value, cut to a length. Celery writes it to the headers `argsrepr` and `kwargsrepr`, where
 * Flower and worker logs show it. It is text for people: nothing parses it.
 */

/** Celery's default of `argsrepr_maxsize` (celery/app/amqp.py). */
const maximumCharacters = 1024;

/** `(2, 3)`, `('a',)`: positional arguments as a Python tuple. */
export function reprOfArgs(args: readonly unknown[]): string {
  const inner = args.map(repr).join(', ');
  return cut(`(${inner}${args.length === 1 ? ',' : ''})`);
}

/** `{'track': 1}`: named arguments as a Python dict. */
export function reprOfKwargs(kwargs: Readonly<Record<string, unknown>>): string {
  return cut(repr(kwargs));
}

/** Any value, `{'track': [1, None]}`. */
export function reprOf(value: unknown): string {
  return cut(repr(value));
}

function repr(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return quoted(value.slice(0, maximumCharacters));
  if (Array.isArray(value)) return `[${value.slice(0, maximumCharacters).map(repr).join(', ')}]`;
  if (typeof value !== 'object') return String(value);
  const pairs = Object.entries(value).slice(0, maximumCharacters);
  return `{${pairs.map(([key, item]) => `${quoted(key)}: ${repr(item)}`).join(', ')}}`;
}

function quoted(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
  return mark + (mark === "'" ? escaped.replaceAll("'", "\\'") : escaped) + mark;
}

function cut(text: string): string {
  return text.length <= maximumCharacters ? text : `${text.slice(0, maximumCharacters - 3)}...`;
}
