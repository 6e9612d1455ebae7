/**
 * An example of a schema, for the API document: what the schema itself gives, else made from its kind, its pattern and the
 * member's name. A test holds every example to its schema, so a pattern that none of the candidates meets is noticed.
 */
import { nameOf, type Schema } from './schema-text.ts';

export type Schemas = Readonly<Record<string, Schema>>;

const someTime = 1_760_000_000_000;
const longest = 6;

/** Members whose name says more than their type. */
const byName: Readonly<Record<string, unknown>> = {
  name: 'catalogue',
  app: 'catalogue',
  processType: 'worker',
  email: 'ada@example.com',
  password: 'a long password of mine',
  url: 'https://catalogue.example.com',
  use: 'queue-size',
  queue: 'celery',
  timeZone: 'Europe/Berlin',
  combine: 'max(wait-goal, queue-size)',
  sentence: 'worker: 4 instead of 2 because 35 jobs wait',
  text: '35 waiting, 10 per process',
  by: 'queue-size',
  code: 'NOT_FOUND',
  title: 'jobs wait longer than the goal of 30 s',
  status: 200,
  minimum: 0,
  maximum: 8,
  current: 2,
  desired: 4,
  token: 'Zk3v9c0QmPqLx2sTbn5YwR7uHd1JfGaE',
};
const times: readonly string[] = [
  'at',
  'from',
  'to',
  'since',
  'until',
  'createdAt',
  'openedAt',
  'seenAt',
  'firstAt',
];
const candidates: readonly string[] = [
  'catalogue',
  'worker',
  '12',
  '22:00',
  '2026-01-31',
  'ABCDEFGH',
  '123456',
  'a1b2c3d4-0000-4000-8000-000000000000',
  'https://example.com',
  'example-1',
];

export function exampleOf(schema: Schema, schemas: Schemas, name = '', depth = 0): unknown {
  if (schema.$ref) return exampleOf(schemas[nameOf(schema.$ref)] ?? {}, schemas, name, depth);
  if (schema.example !== undefined) return schema.example;
  if (schema.examples?.[0] !== undefined) return schema.examples[0];
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const choice = (schema.anyOf ?? schema.oneOf)?.[0];
  if (choice) return exampleOf(choice, schemas, name, depth);
  if (schema.allOf)
    return Object.assign({}, ...schema.allOf.map((part) => exampleOf(part, schemas, name, depth)));
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === 'object') return objectExample(schema, schemas, depth);
  if (type === 'array')
    return depth >= longest ? [] : [exampleOf(schema.items ?? {}, schemas, name, depth + 1)];
  if (type === 'string') return textExample(schema, name);
  if (type === 'integer' || type === 'number') return numberExample(schema, name);
  return type === 'boolean' ? (schema.default ?? false) : type === 'null' ? null : {};
}

function objectExample(schema: Schema, schemas: Schemas, depth: number): unknown {
  const { properties, required = [], additionalProperties } = schema;
  const shown = Object.entries(properties ?? {}).filter(
    ([name]) => depth < longest || required.includes(name),
  );
  if (properties)
    return Object.fromEntries(shown.map(([name, part]) => [name, exampleOf(part, schemas, name, depth + 1)]));
  // Options of an adapter: only it knows their names.
  return typeof additionalProperties === 'object' && additionalProperties.anyOf ? { ratio: 10 } : {};
}

function textExample(
  { format, pattern, default: preset, minLength = 0, maxLength }: Schema,
  name: string,
): unknown {
  if (preset !== undefined) return preset;
  if (format === 'email') return 'ada@example.com';
  if (format === 'uri') return 'https://catalogue.example.com';
  const known = byName[name];
  const all = [...(typeof known === 'string' ? [known] : []), ...candidates];
  const fits = (text: string): boolean =>
    (!pattern || new RegExp(pattern).test(text)) &&
    text.length >= minLength &&
    text.length <= (maxLength ?? Number.POSITIVE_INFINITY);
  return all.find(fits) ?? 'example'.padEnd(minLength, '-');
}

function numberExample(schema: Schema, name: string): unknown {
  const { default: preset, minimum, maximum = Number.POSITIVE_INFINITY, exclusiveMinimum } = schema;
  if (preset !== undefined) return preset;
  const known = times.includes(name) ? someTime : byName[name];
  const least = minimum ?? (exclusiveMinimum === undefined ? 1 : exclusiveMinimum + 1);
  return typeof known === 'number' && known >= (minimum ?? 0) && known <= maximum
    ? known
    : Math.min(Math.max(least, Number.MIN_SAFE_INTEGER), maximum);
}
