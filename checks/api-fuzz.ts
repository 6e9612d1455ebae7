/** From a schema of the API document: values that it allows, values beside it, and what is wrong with a given one. */
import fc from 'fast-check';
import { nameOf, type Schema } from '../server/schema-text.ts';

export type Schemas = Readonly<Record<string, Schema>>;

export const anyText = fc.string({ unit: 'binary', maxLength: 40 });

export function allowed(schema: Schema, schemas: Schemas, depth = 0): fc.Arbitrary<unknown> {
  if (schema.$ref) return allowed(schemas[nameOf(schema.$ref)] ?? {}, schemas, depth + 1);
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return fc.oneof(...choices.map((choice) => allowed(choice, schemas, depth + 1)));
  if (schema.allOf)
    return fc
      .tuple(...schema.allOf.map((part) => allowed(part, schemas, depth + 1)))
      .map((parts) => Object.assign({}, ...parts));
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type) {
    case 'object':
      return objects(schema, schemas, depth);
    case 'array': {
      const { minItems = 0, maxItems = 3 } = schema;
      return fc.array(allowed(schema.items ?? {}, schemas, depth + 1), {
        minLength: minItems,
        maxLength: Math.min(maxItems, minItems + 2),
      });
    }
    case 'string':
      return texts(schema);
    case 'integer':
    case 'number':
      return numbers(schema, type === 'integer');
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

/** What breaks who reads it without care: the ends of number types, texts that databases refuse, names that objects have. */
const strange: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    -1,
    0.5,
    1e308,
    -1e308,
    5e-324,
    2 ** 31,
    2 ** 53,
    2 ** 63,
    8.64e15 + 1,
  ),
  fc.constantFrom<unknown>(
    '',
    [],
    {},
    [[]],
    '\0',
    '\ud800',
    '\u{10FFFF}',
    '__proto__',
    'constructor',
    ' ',
    '../..',
  ),
  fc.constantFrom<unknown>({ constructor: null }, { length: 1e9 }, { toString: 1 }, Array(300).fill({})),
  anyText,
  fc.string({ minLength: 5_000, maxLength: 5_001 }),
);

/** JSON that no value becomes when it is written; sent as it is. */
const raw = fc.constantFrom(
  '{"__proto__":{"name":"a"}}',
  '1e999',
  '{"name":-1e999}',
  '[1e999]',
  '{"name":"a","name":[]}',
);

/** Of a query or a path, beside what a parameter allows. */
export const strangeText = fc.oneof(
  anyText,
  fc.constantFrom(
    '',
    '-1',
    '0',
    '1e3',
    '1e400',
    'NaN',
    '9'.repeat(30),
    '0x10',
    'null',
    '__proto__',
    '../..',
    '\0',
    "'--",
  ),
  fc.string({ minLength: 2_000, maxLength: 2_001 }),
);

/** Mostly wrong: somewhere in it another kind of value, or a member too many or too few; or nothing of the kind at all. */
export function beside(schema: Schema, schemas: Schemas): fc.Arbitrary<unknown> {
  const bent = fc
    .tuple(allowed(schema, schemas), fc.nat(), fc.constantFrom(...edits), strange, anyText)
    .map(([value, at, edit, other, extra]) => bend(value, at, edit, other, extra));
  return fc.oneof(
    { weight: 8, arbitrary: bent },
    { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
    { weight: 1, arbitrary: raw },
    strange,
  );
}

const edits = ['replace', 'remove', 'add'] as const;

function bend(
  value: unknown,
  at: number,
  edit: (typeof edits)[number],
  other: unknown,
  extra: string,
): unknown {
  const root: Record<string, unknown> & { value: unknown } = { value: structuredClone(value) };
  const places = placesIn(root);
  const { holder, key } = places[at % places.length] ?? { holder: root, key: 'value' };
  const members = holder[key];
  if (edit === 'replace' || holder === root) holder[key] = other;
  else if (edit === 'remove') delete holder[key];
  else if (isHolder(members)) members[extra] = other;
  else holder[extra] = other;
  return root.value;
}

function placesIn(holder: Record<string, unknown>): { holder: Record<string, unknown>; key: string }[] {
  return Object.entries(holder).flatMap(([key, member]) => [
    { holder, key },
    ...(isHolder(member) ? placesIn(member) : []),
  ]);
}

function isHolder(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function objects(schema: Schema, schemas: Schemas, depth: number): fc.Arbitrary<unknown> {
  const { properties, required = [], additionalProperties } = schema;
  if (!properties) {
    const value =
      typeof additionalProperties === 'object'
        ? allowed(additionalProperties, schemas, depth + 1)
        : fc.string();
    return fc.dictionary(fc.string({ minLength: 1, maxLength: 10 }), value, {
      maxKeys: 2,
      noNullPrototype: true,
    });
  }
  const shown = Object.entries(properties).filter(([name]) => depth < 6 || required.includes(name));
  const members = Object.fromEntries(shown.map(([name, part]) => [name, allowed(part, schemas, depth + 1)]));
  return fc.record(members, {
    requiredKeys: required.filter((name) => name in members),
    noNullPrototype: true,
  });
}

function texts({ format, pattern, minLength = 0, maxLength = 60 }: Schema): fc.Arbitrary<unknown> {
  if (format === 'email') return fc.constantFrom('ada@example.com', 'b@example.org');
  if (format === 'uri') return fc.constantFrom('http://127.0.0.1:1', 'https://127.0.0.1:1/x?y=z');
  if (pattern) return fc.stringMatching(new RegExp(pattern), { maxLength: Math.min(maxLength, 60) });
  return fc.string({ unit: 'binary', minLength, maxLength: Math.min(maxLength, minLength + 60) });
}

function numbers(schema: Schema, whole: boolean): fc.Arbitrary<unknown> {
  const min = schema.minimum ?? (schema.exclusiveMinimum === undefined ? -1e6 : schema.exclusiveMinimum + 1);
  const max = schema.maximum ?? Math.max(min, 1e6);
  if (whole) return fc.integer({ min: Math.max(min, -1e9), max: Math.min(max, 1e9) });
  return fc.double({ min, max, noNaN: true, noDefaultInfinity: true });
}

/** What is wrong with a value, as `path: why`; empty when it is as the schema says. */
export function problemsOf(value: unknown, schema: Schema, schemas: Schemas, path = '$'): string[] {
  if (schema.$ref) return problemsOf(value, schemas[nameOf(schema.$ref)] ?? {}, schemas, path);
  if (schema.const !== undefined && value !== schema.const) return [`${path}: not ${String(schema.const)}`];
  if (schema.enum && !schema.enum.includes(value))
    return [`${path}: ${JSON.stringify(value)} is none of the enum`];
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices)
    return choices.some((choice) => problemsOf(value, choice, schemas, path).length === 0)
      ? []
      : [`${path}: ${JSON.stringify(value)} is none of the choices`];
  if (schema.allOf) return problemsOf(value, together(schema.allOf, schemas), schemas, path);
  const types = schema.type === undefined ? [] : Array.isArray(schema.type) ? schema.type : [schema.type];
  if (types.length > 0 && !types.some((type) => isA(value, type)))
    return [`${path}: ${JSON.stringify(value)} is no ${types.join(' or ')}`];
  if (typeof value === 'string' && schema.pattern && !new RegExp(schema.pattern).test(value))
    return [`${path}: "${value}" is not of the pattern ${schema.pattern}`];
  if (typeof value === 'string' && value.length < (schema.minLength ?? 0)) return [`${path}: too short`];
  if (typeof value === 'number' && value < (schema.minimum ?? value)) return [`${path}: too small`];
  if (typeof value === 'number' && value > (schema.maximum ?? value)) return [`${path}: too large`];
  if (Array.isArray(value))
    return value.flatMap((entry, index) =>
      problemsOf(entry, schema.items ?? {}, schemas, `${path}[${index}]`),
    );
  return typeof value === 'object' && value !== null ? problemsOfMembers(value, schema, schemas, path) : [];
}

/** From a value that the schema allows: without each member that must be there, and with each member of another kind. */
export function spoilt(value: object, schema: Schema, schemas: Schemas): { what: string; value: object }[] {
  const { properties = {}, required = [] } = together([schema], schemas);
  const without = required.map((name) => {
    const rest: Record<string, unknown> = { ...value };
    delete rest[name];
    return { what: `without ${name}`, value: rest };
  });
  const others = Object.entries(properties).flatMap(([name, part]) =>
    [{}, [], 7.5, 'x', true]
      .filter((other) => problemsOf(other, part, schemas).length > 0)
      .map((other) => ({
        what: `${name}: ${JSON.stringify(other)}`,
        value: { ...value, [name]: other },
      })),
  );
  return [...without, ...others];
}

/** Parts of one object as one schema: a member that one part knows is known. */
function together(parts: readonly Schema[], schemas: Schemas): Schema {
  const all = parts.map((part) => {
    const named = part.$ref ? (schemas[nameOf(part.$ref)] ?? {}) : part;
    return named.allOf ? together(named.allOf, schemas) : named;
  });
  return {
    type: 'object',
    properties: Object.assign({}, ...all.map(({ properties }) => properties)),
    required: all.flatMap(({ required = [] }) => required),
  };
}

function problemsOfMembers(value: object, schema: Schema, schemas: Schemas, path: string): string[] {
  const missing = (schema.required ?? []).filter((name) => !(name in value));
  return [
    ...missing.map((name) => `${path}.${name}: missing`),
    ...Object.entries(value).flatMap(([name, part]) => {
      const { additionalProperties: others } = schema;
      const known = schema.properties?.[name] ?? (typeof others === 'object' ? others : undefined);
      if (known) return problemsOf(part, known, schemas, `${path}.${name}`);
      return schema.properties ? [`${path}.${name}: not in the document`] : [];
    }),
  ];
}

function isA(value: unknown, type: string): boolean {
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}
