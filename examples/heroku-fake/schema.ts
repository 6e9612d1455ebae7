/**
 * What a request may look like, after the published schema of the Platform API (`schema.json` of heroku/platform-api):
 * the definitions `formation.update`, `dyno` create and `config-var` update.
 *
 * Heroku's own command line sends two things that the schema does not have, `size` for `dyno_size` and relative quantities
 * as text ("+1"), and they work. They are accepted, but not in `strict` mode, which holds a client to the schema.
 */
import { invalid } from './refusal.ts';
import { type DynoSize, findSize } from './sizes.ts';

export type Quantity = { readonly absolute: number } | { readonly relative: number };

export interface Update {
  readonly type: string;
  readonly quantity?: Quantity;
  readonly size?: DynoSize;
}

export interface NewDyno {
  readonly command: string;
  readonly type: string;
  readonly size?: DynoSize;
}

const mostUpdates = 100;

export function readUpdates(body: unknown, strict: boolean): Update[] {
  const { updates } = objectOf(body, 'body');
  if (!Array.isArray(updates)) throw invalid('updates is missing or not a list');
  if (updates.length === 0 || updates.length > mostUpdates)
    throw invalid(`updates must have 1 to ${mostUpdates} elements`);
  const seen = new Set<string>();
  return updates.map((raw: unknown, index) => {
    const { type, ...rest } = objectOf(raw, `updates[${index}]`);
    if (typeof type !== 'string' || !/^[-\w]{1,128}$/.test(type))
      throw invalid(`updates[${index}].type must match ^[-\\w]{1,128}$`);
    if (seen.has(type)) throw invalid(`updates names ${type} twice`);
    seen.add(type);
    return { type, ...readUpdate(rest, strict) };
  });
}

/** What may change of one process type. */
export function readUpdate(body: unknown, strict: boolean): Omit<Update, 'type'> {
  const given = objectOf(body, 'update');
  const allowed = ['quantity', 'dyno_size', ...(strict ? [] : ['size'])];
  refuseOthers(given, allowed);
  const quantity = given.quantity === undefined ? undefined : readQuantity(given.quantity, strict);
  const size = readSize(given.dyno_size, given.size);
  return { ...(quantity && { quantity }), ...(size && { size }) };
}

export function readNewDyno(body: unknown): NewDyno {
  const given = objectOf(body, 'body');
  refuseOthers(given, ['attach', 'command', 'env', 'force_no_tty', 'size', 'type', 'time_to_live']);
  const { command, type = 'run' } = given;
  if (typeof command !== 'string' || command === '') throw invalid('command is missing');
  if (typeof type !== 'string' || !/^[-\w]{1,128}$/.test(type))
    throw invalid('type must match ^[-\\w]{1,128}$');
  if (given.attach === true) throw invalid('attached dynos are not part of this fake');
  const size = readSize(undefined, given.size);
  return { command, type, ...(size && { size }) };
}

/** The config after the change: a text sets, null removes. */
export function readConfig(body: unknown, before: Readonly<Record<string, string>>): Record<string, string> {
  const config = { ...before };
  for (const [name, value] of Object.entries(objectOf(body, 'body'))) {
    if (!/^\w+$/.test(name)) throw invalid(`${name} is not a valid config var name`);
    if (value === null) delete config[name];
    else if (typeof value === 'string') config[name] = value;
    else throw invalid(`the value of ${name} must be a string or null`);
  }
  return config;
}

export function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(`${what} must be an object`);
  return { ...value };
}

function readQuantity(value: unknown, strict: boolean): Quantity {
  if (Number.isInteger(value) && Number(value) >= 0) return { absolute: Number(value) };
  if (strict || typeof value !== 'string' || !/^[+-]?\d{1,6}$/.test(value))
    throw invalid('quantity must be an integer of at least 0');
  return /^\d/.test(value) ? { absolute: Number(value) } : { relative: Number(value) };
}

function readSize(dynoSize: unknown, size: unknown): DynoSize | undefined {
  if (dynoSize === undefined && size === undefined) return undefined;
  const { id, name } =
    dynoSize === undefined ? { id: undefined, name: size } : objectOf(dynoSize, 'dyno_size');
  const found = findSize(String(id ?? name));
  if (!found) throw invalid(`no such dyno size: ${String(id ?? name)}`);
  return found;
}

function refuseOthers(given: Record<string, unknown>, allowed: readonly string[]): void {
  const other = Object.keys(given).find((key) => !allowed.includes(key));
  if (other !== undefined) throw invalid(`${other} is not allowed here; there is ${allowed.join(', ')}`);
}
