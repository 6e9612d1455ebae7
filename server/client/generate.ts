/**
 * Writes the typed client's two files from the API document: its shapes, and its calls. They are checked in, and a test holds
 * them to the document. A client that derives its types from the routes themselves (Hono's) was rejected: it would carry the
 * server's types, and with them its libraries, into every program that uses it.
 */
import type { ApiDocument, Operation } from '../api-document.ts';
import { type Schema, typeText } from '../schema-text.ts';

/** A stream is no call, and log-ins are for browsers. */
const leftOut: readonly string[] = ['live'];
const head = (what: string): string =>
  `/**\n * ${what} Made from the API document by generate.ts; to make it anew:\n * UPDATE_CLIENT=1 npx vitest run server/client\n */\n// biome-ignore-all format: one line per entry\n`;

/** By name of the file. */
export function generated(document: ApiDocument): Readonly<Record<string, string>> {
  return { 'shapes.ts': shapes(document), 'calls.ts': calls(document) };
}

function shapes({ components }: ApiDocument): string {
  const entries = Object.entries(components.schemas).sort(([a], [b]) => (a < b ? -1 : 1));
  const lines = entries.map(([name, schema]) => {
    const why = schema.description ? `/** ${schema.description.replaceAll('*/', '')} */\n` : '';
    return `${why}export type ${name} = ${typeText(schema)};\n`;
  });
  return `${head('The shapes that the API speaks.')}\n${lines.join('\n')}`;
}

interface Placed {
  readonly path: string;
  readonly method: string;
  readonly operation: Operation;
}

function calls(document: ApiDocument): string {
  const all = Object.entries(document.paths)
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]): Placed => ({ path, method, operation })),
    )
    .filter(({ operation }) => !leftOut.includes(operation.operationId))
    .sort((a, b) => (a.operation.operationId < b.operation.operationId ? -1 : 1));
  const members = all.map(signature);
  const table = all.map(({ method, path, operation }) => {
    const query = named(operation, 'query').map(({ name }) => name);
    const words = [`'${method.toUpperCase()}'`, `'${path}'`, ...query.map((name) => `'${name}'`)];
    return `  ${operation.operationId}: [${words.join(', ')}],`;
  });
  const text = members.join('\n');
  const used = Object.keys(document.components.schemas)
    .filter((name) => new RegExp(`\\b${name}\\b`).test(text.replace(/\/\*\*.*?\*\//g, '')))
    .sort();
  return `${head('The calls of the API.')}import type { CallOptions } from './client.ts';
import type { ${used.join(', ')} } from './shapes.ts';

export interface Client {
${text}
}

/** Method, path, and what of the argument goes into the query. */
export const calls: Readonly<Record<keyof Client, readonly [method: string, path: string, ...query: string[]]>> = {
${table.join('\n')}
};
`;
}

function signature({ path, operation }: Placed): string {
  const { operationId, summary = '', requestBody, responses } = operation;
  const members = [
    ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => `${name}: string`),
    ...named(operation, 'query').map(({ name, schema = {} }) => `${name}?: ${typeText(plain(schema), true)}`),
    ...(requestBody ? [`body: ${bodyText(requestBody.content, true)}`] : []),
  ];
  const asked = members.length > 0 ? `{ ${members.join('; ')} }` : 'Record<string, never>';
  const needed = members.some((member) => !/^\w+\?:/.test(member));
  const done = Object.entries(responses).find(([status]) => status.startsWith('2'))?.[1];
  const answer = done?.content ? bodyText(done.content, false) : 'void';
  return `  /** ${summary.replaceAll('*/', '')}. */\n  ${operationId}(asked${needed ? '' : '?'}: ${asked}, options?: CallOptions): Promise<${answer}>;`;
}

function named({ parameters = [] }: Operation, place: string): { name: string; schema?: Schema }[] {
  return parameters
    .filter((one) => one.in === place)
    .map(({ name, schema }) => ({ name, ...(schema && { schema }) }));
}

/** What is null in a query is an absent one. */
function plain(schema: Schema): Schema {
  const { type } = schema;
  if (!Array.isArray(type)) return schema;
  return { ...schema, type: type.filter((one: string) => one !== 'null') };
}

function bodyText(content: NonNullable<Operation['requestBody']>['content'], asked: boolean): string {
  if (content['application/gzip']) return 'ArrayBuffer';
  const schema = content['application/json']?.schema;
  return schema ? typeText(schema, asked) : 'unknown';
}
