/**
 * The API document (OpenAPI 3.1), made from the routes and completed for all of them alike: a name for each call, the
 * errors that it may answer with, the header for safe repetition, and examples. Writing these at every route was rejected:
 * they are the same everywhere, and the one that is forgotten would be found by nobody.
 */

import type { ErrorCode } from '../decide/errors.ts';
import { errorCodes } from '../decide/errors.ts';
import { exampleOf, type Schemas } from './api-example.ts';
import type { Routes } from './request.ts';
import type { Schema } from './schema-text.ts';

export interface Content {
  readonly schema?: Schema;
  readonly example?: unknown;
}

export interface Answer {
  readonly $ref?: string;
  readonly description?: string;
  readonly content?: Readonly<Record<string, Content>>;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header' | 'cookie';
  readonly required?: boolean;
  readonly description?: string;
  readonly schema?: Schema;
}

export interface Operation {
  readonly operationId: string;
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly security?: readonly unknown[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Readonly<Record<string, Content>> };
  readonly responses: Readonly<Record<string, Answer>>;
}

export interface ApiDocument {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description?: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Schemas; readonly responses: Readonly<Record<string, Answer>> };
}

const errors: readonly { readonly status: string; readonly code: ErrorCode; readonly detail: string }[] = [
  {
    status: '401',
    code: 'LOGIN_REQUIRED',
    detail: 'This needs a login: there is no session, or it has ended. Log in and try again.',
  },
  {
    status: '403',
    code: 'ORIGIN_FOREIGN',
    detail:
      'The request was refused: it comes from a page of https://other.example. Open the dashboard at its own address. Behind a proxy, set publicUrl.',
  },
  {
    status: '404',
    code: 'NOT_FOUND',
    detail: 'There is no app "musik": it was never made, or it was removed. Look the name up in the list.',
  },
  {
    status: '409',
    code: 'IDEMPOTENCY_KEY_REUSED',
    detail:
      'The request was refused: its Idempotency-Key was used within the last 24 hours for another one. Send a new key with every change, and the same one only to repeat it.',
  },
  {
    status: '413',
    code: 'BODY_TOO_LARGE',
    detail: 'The body of the request is too large: at most 1 MB are taken. Send less at once.',
  },
  {
    status: '422',
    code: 'BODY_INVALID',
    detail:
      'The body of the request is wrong: maximum: Invalid input: expected number, received string. Mend it as /api/openapi.json describes.',
  },
];

const repetition: Parameter = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'A new random text for every change, such as a UUID. The same one again, with the same request, answers the same for 24 hours.',
  schema: { type: 'string', minLength: 8, maxLength: 255 },
};

const verbs: Readonly<Record<string, string>> = {
  post: 'add',
  put: 'set',
  patch: 'change',
  delete: 'remove',
};

/** Not of the form "verb and noun", or of a better one. */
const names: Readonly<Record<string, string>> = {
  'post /api/apps/{app}/token': 'renewToken',
  'post /api/apps/{app}/test': 'testApp',
  'post /api/apps/{app}/managers/{processType}/evaluate': 'evaluate',
  'post /api/apps/{app}/tasks/failures/{task}/send-again': 'sendTaskAgain',
  'post /api/apps/{app}/managers/{processType}/what-if': 'whatIf',
  'post /api/channels/{id}/test': 'testChannel',
  'post /api/configuration/secrets': 'compareSecrets',
  'post /api/setup': 'setUp',
  'get /api/live': 'live',
  'post /api/invitations/look': 'lookAtInvitation',
  'post /api/invitations/accept': 'acceptInvitation',
};

/** @param server the address that clients use, with its path */
export function describeApi(api: Routes, server = '/'): () => ApiDocument {
  registerSecurity(api);
  let made: ApiDocument | undefined;
  return () => {
    made ??= complete(api, server);
    return made;
  };
}

function registerSecurity(api: Routes): void {
  const { openAPIRegistry } = api;
  openAPIRegistry.registerComponent('securitySchemes', 'session', {
    type: 'apiKey',
    in: 'cookie',
    name: 'headcount.session_token',
  });
  openAPIRegistry.registerComponent('securitySchemes', 'key', { type: 'http', scheme: 'bearer' });
}

function complete(api: Routes, server: string): ApiDocument {
  const plain = api.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Headcount',
      version: '1',
      description: 'Times are milliseconds since the Unix epoch. Errors are problem+json.',
    },
    servers: [{ url: server }],
    security: [{ session: [] }, { key: [] }],
  }) as unknown as ApiDocument;
  const { schemas } = plain.components;
  const paths = Object.entries(plain.paths).map(([path, operations]) => [
    path,
    Object.fromEntries(
      Object.entries(operations).map(([method, operation]) => [
        method,
        completed(operation, method, path, schemas),
      ]),
    ),
  ]);
  return {
    ...plain,
    paths: Object.fromEntries(paths),
    components: { ...plain.components, responses: Object.fromEntries(errors.map(errorResponse)) },
  };
}

function completed(operation: Operation, method: string, path: string, schemas: Schemas): Operation {
  const { parameters = [], requestBody, responses, security } = operation;
  const isChange = method !== 'get';
  const open = security?.length === 0;
  const may = (status: string): boolean => {
    if (status === '401') return !open;
    if (status === '403') return isChange || !open;
    if (status === '404') return path.includes('{');
    if (status === '409') return isChange;
    return status === '413' ? requestBody !== undefined : parameters.length > 0 || requestBody !== undefined;
  };
  const more = errors
    .filter(({ status }) => may(status) && !responses[status])
    .map(({ status, code }): [string, Answer] => [status, { $ref: `#/components/responses/${code}` }]);
  const shown = Object.entries(responses).map(([status, answer]): [string, Answer] => [
    status,
    status.startsWith('2') ? withExamples(answer, schemas) : answer,
  ]);
  return {
    ...operation,
    operationId: operationName(method, path),
    parameters: isChange && !open ? [...parameters, repetition] : parameters,
    ...(requestBody && { requestBody: withExamples(requestBody, schemas) }),
    responses: Object.fromEntries([...shown, ...more]),
  };
}

function withExamples<T extends { readonly content?: Readonly<Record<string, Content>> }>(
  holder: T,
  schemas: Schemas,
): T {
  if (!holder.content) return holder;
  const content = Object.entries(holder.content).map(([type, one]) => {
    if (!type.includes('json') || !one.schema || one.example !== undefined) return [type, one];
    return [type, { ...one, example: exampleOf(one.schema, schemas) }];
  });
  return { ...holder, content: Object.fromEntries(content) };
}

/** `GET /api/apps/{app}/managers/{processType}/series` is `getAppManagerSeries`. */
export function operationName(method: string, path: string): string {
  const known = names[`${method} ${path}`];
  if (known) return known;
  const parts = path.split('/').slice(2);
  const words = parts.flatMap((part, index) => {
    if (part.startsWith('{')) return [];
    // One of them is meant where its name follows, and where one is added.
    const one = parts[index + 1]?.startsWith('{') || (method === 'post' && index === parts.length - 1);
    return capitals(one ? singular(part) : part);
  });
  const isList = method === 'get' && parts.at(-1)?.endsWith('s') && !parts.at(-1)?.startsWith('{');
  return `${method === 'get' ? (isList ? 'list' : 'get') : (verbs[method] ?? method)}${words.join('')}`;
}

function capitals(part: string): string {
  return part
    .split('-')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}

function singular(word: string): string {
  return word.replace(/ies$/, 'y').replace(/s$/, '');
}

function errorResponse({ code, detail }: (typeof errors)[number]): [string, Answer] {
  const example = {
    type: `urn:headcount:error:${code}`,
    title: code.toLowerCase().replaceAll('_', ' '),
    status: errorCodes[code].status,
    code,
    detail,
  };
  const content = {
    'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' }, example },
  };
  return [code, { description: detail.slice(0, detail.indexOf(':')), content }];
}
