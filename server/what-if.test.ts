/** A what-if on a real controller and its store: minutes and checkups that were recorded, played under settings that are not saved. */
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type OpenController, openController } from '../checks/open-controller.ts';
import { until } from '../checks/servers.ts';
import { whatIf } from '../simulate/what-if.ts';
import type { Checkup } from '../store/store.ts';
import type { WhatIfAnswer } from './api-what-if.ts';
import type { WhatIfAsked } from './what-if.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const minute = 60_000;
const hour = 60 * minute;
const path = '/api/apps/shop/managers/worker';
let controller: OpenController;
let now: number;
/** What was asked of the simulator, and what it waits for before it plays. */
let asked: { readonly what: WhatIfAsked; readonly signal: AbortSignal }[];
let gate: Promise<void> | undefined;

beforeAll(async () => {
  const rules = 'rules: [{ use: wait-goal, goalSeconds: 30, serviceSeconds: 4 }]';
  const yaml = `intervalSeconds: 3600\napps:\n  shop:\n    managers:\n      worker: { minimum: 0, maximum: 9, ${rules} }\n      young: { maximum: 2, ${rules} }\n`;
  controller = await openController('what-if', {
    yaml,
    whatIf: async (what, pauses) => {
      asked.push({ what, signal: pauses.signal });
      await gate;
      return await whatIf(what, { ...pauses, budgetMs: Number.POSITIVE_INFINITY });
    },
  });
  now = Date.now();
  await seed('worker', 30 * hour, minute);
  await seed('young', 12 * minute, 10_000);
});
afterAll(() => controller?.close());
beforeEach(() => {
  asked = [];
  gate = undefined;
});

/** Ten busy minutes in each hour, and an hour of which nothing is known ten hours ago. */
async function seed(processType: string, spanMs: number, stepMs: number): Promise<void> {
  const app = await controller.store.apps.get('shop');
  const manager = await controller.store.managers.get(app?.id ?? '', processType);
  const managerId = manager?.id ?? '';
  const checkups: Checkup[] = [];
  for (let at = now - spanMs; at < now - minute; at += stepMs) {
    const isBusy = Math.floor(at / minute) % 60 < 10;
    const isKnown = now - at < 10 * hour || now - at > 11 * hour;
    const [waiting, running] = isBusy ? [20, 6] : [0, 1];
    const counted = isKnown ? { waiting, running, slots: 6, oldestSeconds: isBusy ? 12 : 0 } : {};
    const point = { at, ...counted, current: 6, desired: 6, unknown: isKnown ? 0 : 1 };
    checkups.push({
      managerId,
      point,
      readings: [{ kind: 'jobs', queue: 'q', at, waiting, running, slots: 6 }],
    });
  }
  for (let from = 0; from < checkups.length; from += 500)
    await controller.store.readings.recordMany(checkups.slice(from, from + 500));
}

async function send<Body>(method: string, to: string, body?: unknown, signal?: AbortSignal) {
  const response = await fetch(`${controller.url}${to}`, {
    method,
    headers: { authorization: `Bearer ${controller.key}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
  });
  return { status: response.status, body: (await response.json()) as Body };
}

/** The manager without what a checkup may have said of it meanwhile. */
async function saved(): Promise<object> {
  const { latest: _, unknown: __, ...rest } = (await send<Record<string, unknown>>('GET', path)).body;
  return rest;
}

const longer = {
  rules: [{ use: 'wait-goal', options: { goalSeconds: 300, serviceSeconds: 4 } }],
  maximum: 3,
};

test('the last day under both settings, from minutes where checkups are forgotten, and nothing is saved', async () => {
  // Folding and forgetting is bounded per call.
  await until(
    async () => {
      await controller.store.tidy(now);
      const app = await controller.store.apps.get('shop');
      const manager = await controller.store.managers.get(app?.id ?? '', 'worker');
      const old = await controller.store.readings.recent(manager?.id ?? '', now - 30 * hour);
      return old.every(({ at }) => at >= now - 7 * hour);
    },
    'checkups to be forgotten',
    90_000,
  );
  const before = await saved();
  const { status, body } = await send<WhatIfAnswer>('POST', `${path}/what-if`, longer);
  expect(status).toBe(200);
  const { played } = body;
  if (!played) throw new Error(body.why);
  expect(played.goalsSeconds).toEqual([30, 300]);
  expect(Math.abs(played.to - played.from - 30 * hour)).toBeLessThan(5 * minute);
  expect(Math.abs(played.unknownSeconds - 3_600)).toBeLessThanOrEqual(180);
  // Six processes all the time that is known.
  expect(Math.abs(played.recorded.processHours - 6 * 29)).toBeLessThan(3);
  expect(played.recorded).toMatchObject({ mostProcesses: 6, longestSeconds: 12 });
  expect(played.present.jobs).toBe(played.changed.jobs);
  expect(played.changed.processHours).toBeLessThan(played.present.processHours);
  expect(played.changed.mostProcesses).toBeLessThanOrEqual(6);
  expect(played.changed.longestSeconds).toBeGreaterThan(played.present.longestSeconds);
  expect(played.steps.length).toBeGreaterThan(100);
  expect(played.notes.join(' ')).toContain('as the rule says');
  // Points of both grains, in order, each once; what the meters tell is kept.
  const times = asked[0]?.what.points.map(({ at }) => at) ?? [];
  expect(times.every((at, place) => place === 0 || at > (times[place - 1] ?? 0))).toBe(true);
  expect(times.length).toBeGreaterThan(28 * 60);
  expect(asked[0]?.what.tells).toEqual(expect.arrayContaining(['running', 'slots']));
  expect(asked[0]?.what.tells).not.toContain('ages');
  expect(await saved()).toEqual(before);
  const { entries } = (await send<{ entries: { action: string }[] }>('GET', '/api/audit')).body;
  expect(entries.filter(({ action }) => action.includes('what-if'))).toEqual([]);
});

test('what cannot be saved cannot be tried, for the same reason', async () => {
  const wrong = [
    { minimum: 4, maximum: 2 },
    { rules: [{ use: 'wait-gaol', options: {} }] },
    { rules: [{ use: 'wait-goal', options: { goalSeconds: -1 } }] },
    { limits: [{ use: 'cooldown', options: { upSecondz: 3 } }] },
    { combine: 'max(' },
    { maximum: 'many' },
    { meters: [{ use: 'celery-redis', options: {} }] },
  ];
  for (const change of wrong) {
    const [tried, saved] = [await send('POST', `${path}/what-if`, change), await send('PATCH', path, change)];
    expect(saved.status).toBe(422);
    expect(tried).toEqual(saved);
  }
  expect(asked).toEqual([]);
  expect((await send('POST', '/api/apps/shop/managers/wroker/what-if', {})).status).toBe(404);
});

test('a formula that is taken away, and other meters, are tried as they would be saved', async () => {
  await send('PATCH', path, { combine: 'wait-goal * 2' });
  const meters = [{ use: 'http-info', options: {} }];
  const { status, body } = await send<WhatIfAnswer>('POST', `${path}/what-if`, { combine: null, meters });
  await send('PATCH', path, { combine: null });
  expect([status, body.why]).toEqual([200, undefined]);
  expect(asked[0]?.what.present.combine).toBe('wait-goal * 2');
  expect(asked[0]?.what.changed).not.toHaveProperty('combine');
  expect(body.played?.notes.at(-1)).toContain('readings of the present ones');
});

test('too few readings are said to be too few', async () => {
  const { status, body } = await send<WhatIfAnswer>('POST', '/api/apps/shop/managers/young/what-if', {
    maximum: 4,
  });
  expect(status).toBe(200);
  expect(body.played).toBeUndefined();
  expect(body.why).toMatch(/^there are 1\d minutes of readings/);
});

test('who may only read may ask', async () => {
  const organisation = (await controller.store.organisations.list())[0]?.id ?? '';
  const made = await send<{ secret: string }>('POST', `/api/organisations/${organisation}/keys`, {
    name: 'reader',
    role: 'read-only',
  });
  const headers = { authorization: `Bearer ${made.body.secret}`, 'content-type': 'application/json' };
  const ask = async (method: string, to: string): Promise<number> => {
    const response = await fetch(`${controller.url}${to}`, {
      method,
      headers,
      body: JSON.stringify({ maximum: 4 }),
    });
    await response.text();
    return response.status;
  };
  expect(await ask('POST', '/api/apps/shop/managers/young/what-if')).toBe(200);
  expect(await ask('PATCH', '/api/apps/shop/managers/young')).toBe(403);
});

test('one at a time, and it ends when nobody waits for it', async () => {
  let open: () => void = () => {};
  gate = new Promise((resolve) => {
    open = resolve;
  });
  const young = '/api/apps/shop/managers/young/what-if';
  const leaving = new AbortController();
  const first = send('POST', young, { maximum: 4 }, leaving.signal).catch((error: unknown) => error);
  await until(() => asked.length === 1, 'the first to be played');
  const second = await send<{ code: string }>('POST', young, { maximum: 5 });
  expect([second.status, second.body.code]).toEqual([409, 'REQUEST_IN_PROGRESS']);
  leaving.abort();
  expect(await first).toBeInstanceOf(Error);
  await until(() => asked[0]?.signal.aborted === true, 'the reader to be missed');
  open();
  gate = undefined;
  await until(async () => (await send('POST', young, { maximum: 5 })).status === 200, 'the next one');
});
