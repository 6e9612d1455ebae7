/** The API held to its own document, on a real controller: its shapes, its errors, repetition, and whatever is sent to it. */
import { createHash, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { allowed, beside, problemsOf, spoilt, strangeText } from '../checks/api-fuzz.ts';
import { type OpenController, openController } from '../checks/open-controller.ts';
import type { ApiDocument, Operation } from './api-document.ts';
import { operationName } from './api-document.ts';
import type { Schema } from './schema-text.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

let controller: OpenController;
let document: ApiDocument;

const shop = { url: 'http://127.0.0.1:1', managers: ['worker', 'web'] };

beforeAll(async () => {
  const managers = shop.managers.map((name) => `      ${name}: { minimum: 0, maximum: 3 }\n`).join('');
  const yaml = `intervalSeconds: 3600\napps:\n  shop:\n    url: ${shop.url}\n    managers:\n${managers}`;
  controller = await openController('document', { yaml });
  document = (await (await fetch(`${controller.url}/api/openapi.json`)).json()) as ApiDocument;
});
afterAll(() => controller?.close());

async function send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${controller.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${controller.key}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const type = response.headers.get('content-type') ?? '';
  if (type.includes('event-stream')) await response.body?.cancel();
  const text = response.bodyUsed || response.body?.locked ? '' : await response.text();
  return {
    status: response.status,
    type,
    headers: response.headers,
    body: type.includes('json') ? JSON.parse(text) : text,
  };
}

interface Placed {
  readonly path: string;
  readonly method: string;
  readonly operation: Operation;
}

const operations = (): Placed[] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );

describe('the document', () => {
  test('names and describes every call, with its errors and where a key for repetition goes', () => {
    const names = operations().map(({ operation }) => operation.operationId);
    expect(names).toHaveLength(new Set(names).size);
    const wanting = operations().filter(({ path, method, operation }) => {
      const { summary, tags, responses, parameters = [] } = operation;
      const open = operation.security?.length === 0;
      const repeated = method === 'get' || open || parameters.some(({ name }) => name === 'Idempotency-Key');
      const errors =
        responses.default && (open || responses['401']) && (!path.includes('{') || responses['404']);
      return !summary || !tags?.length || !repeated || !errors;
    });
    expect(wanting.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
    const described = JSON.stringify(document).matchAll(/"#\/components\/(schemas|responses)\/([^"]+)"/g);
    for (const [, kind, name] of described)
      expect(Object.keys(document.components[kind as 'schemas']), name).toContain(name);
  });

  test('gives examples that are what it says', () => {
    const { schemas } = document.components;
    const wrong = operations().flatMap(({ path, method, operation }) => {
      const contents = [operation.requestBody, ...Object.values(operation.responses)].flatMap((one) =>
        Object.values(one?.content ?? {}),
      );
      return contents.flatMap(({ schema, example }) =>
        schema && example !== undefined
          ? problemsOf(example, schema, schemas).map((problem) => `${method} ${path} ${problem}`)
          : [],
      );
    });
    expect(wrong).toEqual([]);
  });

  test.each([
    ['get', '/api/apps', 'listApps'],
    ['post', '/api/apps', 'addApp'],
    ['get', '/api/apps/{app}', 'getApp'],
    ['delete', '/api/apps/{app}/managers/{processType}/hold', 'removeAppManagerHold'],
    ['get', '/api/apps/{app}/setup-guide', 'getAppSetupGuide'],
    ['post', '/api/apps/{app}/managers/{processType}/evaluate', 'evaluate'],
  ])('%s %s is called %s', (method, path, name) => {
    expect(operationName(method, path)).toBe(name);
  });
});

test('the page for people has every call, no script, and may load nothing', async () => {
  const response = await fetch(`${controller.url}/api/docs`);
  const html = await response.text();
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html; charset=UTF-8']);
  expect(html).not.toMatch(/<script|<link|<img|\son\w+=|style=/i);
  const style = /<style>([\s\S]*?)<\/style>/.exec(html)?.[1] ?? '';
  const hash = createHash('sha256').update(style).digest('base64');
  expect(response.headers.get('content-security-policy')).toBe(
    `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  );
  for (const { path, operation } of operations()) {
    expect(html).toContain(`<code>${path}</code>`);
    expect(html).toContain(`id="${operation.operationId}"`);
  }
  for (const [, id] of html.matchAll(/href="#([^"]+)"/g)) expect(html).toContain(`id="${id}"`);
});

describe('errors are problem+json', () => {
  test.each([
    ['GET', '/api/nothing', 404, 'NOT_FOUND'],
    ['GET', '/api/apps/musik', 404, 'NOT_FOUND'],
    ['POST', '/nothing', 404, 'NOT_FOUND'],
    ['PUT', '/api/apps', 405, 'METHOD_NOT_ALLOWED'],
    ['DELETE', '/api/apps/shop/inbox', 405, 'METHOD_NOT_ALLOWED'],
    ['GET', '/api/decisions?limit=0', 422, 'BODY_INVALID'],
  ])('%s %s', async (method, path, status, code) => {
    const answer = await send(method, path);
    expect(answer).toMatchObject({ status, type: 'application/problem+json', body: { status, code } });
    expect(
      problemsOf(answer.body, { $ref: '#/components/schemas/Problem' }, document.components.schemas),
    ).toEqual([]);
  });

  test('a method that a path does not take is answered with those that it takes', async () => {
    expect((await send('PUT', '/api/apps')).headers.get('allow')).toBe('GET, HEAD, POST');
    expect((await send('POST', '/api/apps/shop')).headers.get('allow')).toBe('DELETE, GET, HEAD, PATCH');
  });

  test.each([
    ['{"name": ', 'The request cannot be read'],
    ['null', 'The body of the request is wrong'],
    ['"text"', 'The body of the request is wrong'],
  ])('the body %s', async (text, words) => {
    const answer = await send('POST', '/api/apps', text);
    expect(answer).toMatchObject({
      status: 422,
      type: 'application/problem+json',
      body: { code: 'BODY_INVALID' },
    });
    expect(answer.body.detail).toContain(words);
  });

  test('a body of another kind', async () => {
    expect(await send('POST', '/api/apps', '<app/>', { 'content-type': 'text/xml' })).toMatchObject({
      status: 415,
      type: 'application/problem+json',
    });
  });
});

describe('a request that is sent twice', () => {
  const headers = () => ({ 'idempotency-key': randomUUID() });

  test('is carried out once and answered the same', async () => {
    const same = headers();
    const first = await send('POST', '/api/apps', { name: 'twice' }, same);
    const second = await send('POST', '/api/apps', { name: 'twice' }, same);
    expect(first).toMatchObject({ status: 201, body: { name: 'twice' } });
    expect(second).toMatchObject({ status: 201, type: first.type, body: first.body });
    expect([first, second].map((one) => one.headers.get('idempotency-replayed'))).toEqual([null, 'true']);
    expect(await send('POST', '/api/apps', { name: 'twice' }, headers())).toMatchObject({ status: 409 });
    const removal = headers();
    expect(await send('DELETE', '/api/apps/twice', undefined, removal)).toMatchObject({ status: 204 });
    expect(await send('DELETE', '/api/apps/twice', undefined, removal)).toMatchObject({
      status: 204,
      body: '',
    });
    expect(await send('DELETE', '/api/apps/twice')).toMatchObject({ status: 404 });
  });

  test('many at once are one', async () => {
    const same = headers();
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => send('POST', '/api/apps/shop/token', undefined, same)),
    );
    const done = answers.filter(({ status }) => status === 200);
    expect(done.length).toBeGreaterThanOrEqual(1);
    expect(new Set(done.map(({ body }) => body.token)).size).toBe(1);
    for (const { status, body } of answers) if (status !== 200) expect(body.code).toBe('REQUEST_IN_PROGRESS');
    expect((await send('POST', '/api/apps/shop/token', undefined, same)).body.token).toBe(
      done[0]?.body.token,
    );
  });

  test('is refused when it is another request, or its key is none', async () => {
    const same = headers();
    const path = '/api/apps/shop/managers/web';
    expect(await send('PATCH', path, { maximum: 4 }, same)).toMatchObject({ status: 200 });
    expect(await send('PATCH', path, { maximum: 5 }, same)).toMatchObject({
      status: 409,
      body: { code: 'IDEMPOTENCY_KEY_REUSED' },
    });
    expect(await send('PATCH', '/api/apps/shop/managers/worker', { maximum: 4 }, same)).toMatchObject({
      status: 409,
    });
    expect((await send('GET', path)).body.maximum).toBe(4);
    expect(await send('PATCH', path, { maximum: 5 }, { 'idempotency-key': 'short' })).toMatchObject({
      status: 422,
    });
  });

  test('an error of the sender is answered the same, too', async () => {
    const same = headers();
    for (let times = 0; times < 2; times++)
      expect(await send('POST', '/api/apps', { name: 'Not Good' }, same)).toMatchObject({ status: 422 });
  });

  test('its answer cannot be read from the database, and ends after a day', async () => {
    const { sql } = await import('kysely');
    const same = headers();
    const { body } = await send('POST', '/api/apps/shop/token', undefined, same);
    const kept = await sql<{ answer: string }>`select * from idempotency_keys`.execute(
      controller.store.kysely,
    );
    expect(JSON.stringify(kept.rows)).not.toContain(body.token);
    expect(JSON.stringify(kept.rows)).not.toContain(same['idempotency-key']);
    await sql`update idempotency_keys set at = at - 86400001`.execute(controller.store.kysely);
    expect((await send('POST', '/api/apps/shop/token', undefined, same)).body.token).not.toBe(body.token);
  });
});

test('a list comes in pages, and each leads to the next', async () => {
  for (const name of ['page-a', 'page-b', 'page-c', 'page-d']) await send('POST', '/api/apps', { name });
  const all = (await send('GET', '/api/apps')).body.map(({ name }: { name: string }) => name);
  const seen: string[] = [];
  let next: string | undefined = '?limit=2';
  for (let pages = 0; next !== undefined && pages < 10; pages++) {
    const { body, headers } = await send(
      'GET',
      new URL(next, 'http://x/api/apps').href.slice('http://x'.length),
    );
    expect(body.length).toBeLessThanOrEqual(2);
    seen.push(...body.map(({ name }: { name: string }) => name));
    next = /^<(.+)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1];
  }
  expect(seen).toEqual(all);
  expect(seen.length).toBeGreaterThanOrEqual(5);
  expect((await send('GET', '/api/apps?limit=501')).status).toBe(422);
});

/** Of what is there. */
const names: Readonly<Record<string, readonly string[]>> = {
  app: ['shop'],
  processType: shop.managers,
  organisation: ['1'],
  id: ['1'],
};

test('a member that is missing or of another kind is refused by whichever call', async () => {
  const { schemas } = document.components;
  const wrong: string[] = [];
  let count = 0;
  const options = { server: 'smtp://127.0.0.1:1', from: 'a@b.c', to: 'a@b.c' };
  const made = await send('POST', '/api/channels', {
    name: 'ops',
    notifier: { use: 'email', options },
    tells: {},
  });
  const there: Readonly<Record<string, readonly string[]>> = { ...names, id: [made.body.id as string] };
  for (const { path, method, operation } of operations()) {
    const { schema, example } = Object.values(operation.requestBody?.content ?? {})[0] ?? {};
    if (!schema || typeof example !== 'object' || example === null) continue;
    const place = path.replace(/\{(\w+)\}/g, (_, name: string) => there[name]?.[0] ?? '1');
    for (const { what, value } of spoilt(example, schema, schemas)) {
      const { status, type, body } = await send(method.toUpperCase(), place, value);
      count += 1;
      if (status !== 422 || type !== 'application/problem+json')
        wrong.push(`${method} ${path} ${what} -> ${status} ${body.code}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(count).toBeGreaterThan(50);
});

/** Whether chance has a say in it. */
function takesAnything({ path, operation: { parameters = [], requestBody } }: Placed): boolean {
  return path.includes('{') || requestBody !== undefined || parameters.some((one) => one.in === 'query');
}

function requests({ path, operation }: Placed): fc.Arbitrary<{ path: string; body: unknown }> {
  const { schemas } = document.components;
  const { parameters = [], requestBody } = operation;
  const places = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  const filled = fc.tuple(
    ...places.map((name) => fc.oneof(fc.constantFrom(...(names[name] ?? ['1'])), strangeText)),
  );
  const asked = parameters.filter((one) => one.in === 'query');
  const query = fc.record(
    Object.fromEntries(
      asked.map(({ name, schema = {} }) => [
        name,
        fc.oneof(allowed(schema, schemas).map(String), strangeText),
      ]),
    ),
    { requiredKeys: [] },
  );
  const schema = Object.values(requestBody?.content ?? {})[0]?.schema;
  const body = schema ? fc.oneof(allowed(schema, schemas), beside(schema, schemas)) : fc.constant(undefined);
  return fc.tuple(filled, query, body).map(([values, search, given]) => {
    const place = path.replace(/\{\w+\}/g, () => encodeURIComponent(String(values.shift())) || '%20');
    const text = new URLSearchParams(search as Record<string, string>).toString();
    return { path: text ? `${place}?${text}` : place, body: given };
  });
}

/** The one app that every call may find; what chance has made beside it goes. */
async function restore(): Promise<void> {
  const apps = (await send('GET', '/api/apps')).body as { name: string }[];
  for (const { name } of apps) if (name !== 'shop') await send('DELETE', `/api/apps/${name}`);
  // Else a test of one would call the address that chance has made.
  const channels = (await send('GET', '/api/channels')).body as { id: string }[];
  for (const { id } of channels) await send('DELETE', `/api/channels/${id}`);
  await send('POST', '/api/apps', { name: 'shop', url: shop.url });
  for (const processType of shop.managers)
    await send('POST', '/api/apps/shop/managers', { processType, minimum: 0, maximum: 3 });
}

// The same every time, so that a run is red only for what was changed. To look further: another seed, and more of them.
const seed = Number(process.env.FUZZ_SEED ?? 1);
const numRuns = Number(process.env.FUZZ_RUNS ?? 10);

test('whatever is sent, nothing breaks, and every answer is as the document says', async () => {
  const { schemas } = document.components;
  for (const placed of operations()) {
    const { method, operation } = placed;
    await restore();
    await fc.assert(
      fc.asyncProperty(requests(placed), async ({ path, body }) => {
        const answer = await send(method.toUpperCase(), path, body);
        const what = `${method} ${path} ${JSON.stringify(body)} -> ${JSON.stringify(answer.body)}`.slice(
          0,
          2_000,
        );
        expect(answer.status, what).not.toBe(500);
        if (answer.status >= 400) {
          expect(answer.type, what).toBe('application/problem+json');
          expect(problemsOf(answer.body, { $ref: '#/components/schemas/Problem' }, schemas), what).toEqual(
            [],
          );
          return;
        }
        const said = operation.responses[answer.status]?.content;
        if (said) expect(Object.keys(said), what).toContain(answer.type.split(';')[0]);
        const schema = said?.['application/json']?.schema;
        if (schema) expect(problemsOf(answer.body, schema, schemas), what).toEqual([]);
      }),
      { seed, numRuns: takesAnything(placed) ? numRuns : 1 },
    );
  }
  expect((await send('GET', '/readyz')).status).toBe(200);
});

describe('what apps push', () => {
  test.each([
    '/',
    '/drain/token',
    '/metrics/ingest',
    '/metrics/lease',
    '/metrics/workers',
    '/v3/reports',
    '/api/token/v3/reports',
  ])('to %s breaks nothing, whatever it is', async (path) => {
    const { token } = (await send('GET', '/api/apps/shop')).body as { token: string };
    const metrics: Schema = {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          name: { type: 'string' },
          metrics: {
            type: 'object',
            additionalProperties: { type: 'object', additionalProperties: { type: 'number' } },
          },
        },
      },
    };
    const bodies = fc.oneof(allowed(metrics, {}), beside(metrics, {}), beside({ type: 'object' }, {}));
    const kinds = fc.constantFrom(
      'application/json',
      'application/logplex-1',
      'text/plain',
      'application/msgpack',
    );
    await fc.assert(
      fc.asyncProperty(bodies, kinds, fc.boolean(), async (body, kind, known) => {
        const given = known ? token : 'nobody';
        const answer = await send('POST', path.replace('token', given), body, {
          'content-type': kind,
          'hirefire-token': given,
          authorization: `Bearer ${given}`,
        });
        const what = `${path} ${kind} ${JSON.stringify(body)} -> ${answer.status}`.slice(0, 2_000);
        expect(answer.status, what).toBeLessThan(500);
      }),
      { seed, numRuns },
    );
  });
});
