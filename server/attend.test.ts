/** From a checkup that is refused to a message that somebody receives, through the store and the API. */

import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import { createStage, type Stage, type VirtualClock, virtualClock } from '../checks/stage.ts';
import { startReceiver, type WebhookReceiver } from '../notify/contract.ts';
import { type OpenStore, openStore } from '../store/open.ts';
import type { IssueEvent } from './api-issues.ts';
import { createAuth } from './auth.ts';
import { createGuard } from './guard.ts';
import { createHttp } from './http.ts';
import { type Kinds, shippedKinds } from './kinds.ts';
import { createLive } from './live.ts';
import { createOutbox, type Outbox } from './outbox.ts';
import { createPost } from './post.ts';
import type { Routes } from './request.ts';
import { createRounds, type Rounds } from './rounds.ts';

const folder = temporaryFolder('attend');
const log = pino({ level: 'silent' });
let store: OpenStore;
let stage: Stage;
let clock: VirtualClock;
let outbox: Outbox;
let rounds: Rounds;
let http: Routes;
let receiver: WebhookReceiver;
const shown: IssueEvent[] = [];

const settings = {
  processType: 'worker',
  rules: [{ use: 'queue-size', options: { ratio: 10 } }],
  limits: [],
  meters: [{ use: 'staged', options: {} }],
  minimum: 0,
  maximum: 4,
  paused: false,
};

beforeAll(async () => {
  store = await openStore({ folder: folder.path });
  clock = virtualClock();
  stage = createStage(clock);
  receiver = await startReceiver(() => undefined);
  const kinds: Kinds = { ...shippedKinds, meters: [stage.meter], fleets: [stage.fleet] };
  const post = createPost(createGuard(['127.0.0.0/8']));
  outbox = createOutbox({ clock, log, kinds: kinds.notifiers, post });
  const people = {
    tell: outbox.tell,
    urlOf: (app: string, type: string) => `https://hc.example/apps/${app}/${type}`,
  };
  const showIssue = (event: IssueEvent): void => void shown.push(event);
  rounds = createRounds(
    { store, kinds, clock, log, dataFolder: folder.path, intervalMs: 1e9, people, showIssue },
    () => {},
  );
  const auth = await createAuth({ store, log });
  const rest = {
    live: createLive(),
    log,
    now: clock.now,
    key: 'key',
    webFolder: folder.path,
    ready: () => true,
  };
  http = createHttp({ store, rounds, auth, outbox, kinds, ...rest });
  const app = await store.apps.create({
    name: 'music',
    token: 't',
    fleet: { use: 'staged', options: {} },
    createdAt: 0,
  });
  await store.managers.create(app.id, settings, 0);
  await rounds.start();
});
afterAll(async () => {
  await outbox.close();
  await rounds.stop();
  await receiver.stop();
  await store.close();
  folder.remove();
});

async function call(method: string, path: string, body?: unknown) {
  const response = await http.request(path, {
    method,
    headers: { authorization: 'Bearer key', 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text ? JSON.parse(text) : undefined };
}

/** Checkups each ten seconds; their refused calls are tried again in between. */
async function checkUps(count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    clock.advance(10_000);
    await rounds.checkUp('music');
  }
}

const received = (): { kind: string; title: string }[] =>
  receiver.seen.flatMap(({ body }) => JSON.parse(body).notices);

test('a refused platform is told once, shown, and told again when it is over', async () => {
  const tells = { leastSeverity: 'critical', groupSeconds: 0 };
  const notifier = { use: 'webhook', options: { url: receiver.url } };
  const made = await call('POST', '/api/channels', { name: 'Call', notifier, tells });
  expect(made).toMatchObject({
    status: 201,
    body: { notifier: { options: { url: '••••••' } }, tells: { opened: true } },
  });
  stage.read = async () => [{ kind: 'jobs', queue: 'q', at: clock.now(), waiting: 25 }];
  stage.scaleError = new TypeError('code 422');
  // The clock stands still while the message is under way: its time limit is counted by it.
  await checkUps(4);
  clock.advance(1);
  await until(() => outbox.state(made.body.id) !== undefined, 'the message');
  expect(received()).toHaveLength(1);
  expect(received()[0]).toMatchObject({
    kind: 'opened',
    key: 'music/worker/refused',
    title: 'the platform refuses the number of processes',
    url: 'https://hc.example/apps/music/worker',
  });
  const open = await call('GET', '/api/issues?open=true&app=music');
  expect(open.body.issues).toMatchObject([
    {
      app: 'music',
      processType: 'worker',
      kind: 'refused',
      severity: 'critical',
      todo: expect.stringContaining('limits'),
    },
  ]);
  const event = { app: 'music', processType: 'worker', kind: 'refused', severity: 'critical' };
  expect(shown).toMatchObject([{ ...event, state: 'opened' }]);
  delete stage.scaleError;
  clock.advance(600_000);
  await checkUps(1);
  clock.advance(1);
  await until(() => received().length === 2, 'the second message');
  expect(received()[1]).toMatchObject({ kind: 'resolved', key: 'music/worker/refused' });
  expect(shown.map(({ state }) => state)).toEqual(['opened', 'resolved']);
  expect((await call('GET', '/api/issues?open=true')).body.issues).toEqual([]);
  expect((await call('GET', '/api/issues')).body.issues[0]).toHaveProperty('resolvedAt');
  await until(async () => (await call('GET', '/api/channels')).body[0].sent !== undefined, 'its state');
  expect((await call('GET', '/api/channels')).body[0].sent).not.toHaveProperty('error');
});

test('decisions are found over all managers, by what was asked, page by page', async () => {
  const { body } = await call('GET', '/api/decisions');
  expect(body.decisions.length).toBeGreaterThan(1);
  expect(body.decisions[0]).toMatchObject({
    app: 'music',
    processType: 'worker',
    reasons: expect.any(Array),
  });
  const failures = await call('GET', '/api/decisions?only=failures&app=music&processType=worker');
  expect(failures.body.decisions.map(({ outcome }: { outcome: string }) => outcome)).toContain('failed');
  expect(new Set(failures.body.decisions.map(({ outcome }: { outcome: string }) => outcome)).size).toBe(1);
  const first = await call('GET', '/api/decisions?limit=1');
  expect(first.body.next).toBe(first.body.decisions[0].id);
  const second = await call('GET', `/api/decisions?limit=1&before=${first.body.next}`);
  expect(second.body.decisions[0]).toEqual(body.decisions[1]);
  expect((await call('GET', '/api/decisions?processType=nobody')).body).toEqual({ decisions: [] });
  expect(await call('GET', '/api/decisions?app=nothing')).toMatchObject({ status: 404 });
  expect(await call('GET', '/api/decisions?only=everything')).toMatchObject({ status: 422 });
});

test('a channel is tested, changed without its secret, refused when it cannot work, and removed', async () => {
  const { body: channels } = await call('GET', '/api/channels');
  const path = `/api/channels/${channels[0].id}`;
  const before = receiver.seen.length;
  expect((await call('POST', `${path}/test`)).status).toBe(204);
  expect(JSON.parse(receiver.seen[before]!.body).notices[0]).toMatchObject({ kind: 'test' });
  const renamed = await call('PATCH', path, { name: 'On call', notifier: channels[0].notifier });
  expect(renamed).toMatchObject({ status: 200, body: { name: 'On call' } });
  expect((await call('POST', `${path}/test`)).status).toBe(204);
  const refused = await call('PATCH', path, { notifier: { use: 'slak', options: {} } });
  expect(refused).toMatchObject({ status: 422, body: { code: 'OPTION_INVALID' } });
  expect(refused.body.detail).toContain('did you mean "slack"');
  const private10 = { use: 'webhook', options: { url: 'http://10.0.0.1/' } };
  await call('PATCH', path, { notifier: private10 });
  expect(await call('POST', `${path}/test`)).toMatchObject({ status: 502, body: { code: 'NOTIFY_FAILED' } });
  expect((await call('DELETE', path)).status).toBe(204);
  expect(await call('POST', `${path}/test`)).toMatchObject({ status: 404 });
});

test('an open issue survives a restart of the controller', async () => {
  stage.countError = new TypeError('no route to the platform');
  await checkUps(8);
  const [issue] = (await call('GET', '/api/issues?open=true')).body.issues;
  expect(issue).toMatchObject({ kind: 'unknown', text: expect.stringContaining('no route') });
  await rounds.refresh('music');
  await checkUps(1);
  expect((await call('GET', '/api/issues?open=true')).body.issues).toMatchObject([{ id: issue.id }]);
});

test('a hold takes effect without waiting for the next checkup', async () => {
  delete stage.countError;
  clock.advance(600_000);
  await checkUps(1);
  await call('PUT', '/api/apps/music/managers/worker/hold', { count: 1 });
  await rounds.idle();
  expect(stage.scaled.at(-1)).toEqual({ worker: 1 });
});
