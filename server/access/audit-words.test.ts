/** Every route that changes something has words of its own, and they say what it was made to. */
import { describe, expect, test } from 'vitest';
import { type Change, changes, inWords, questions } from './audit-words.ts';
import { leastRoles } from './table.ts';

describe('the table of roles', () => {
  const changing = Object.keys(leastRoles).filter((route) => !route.startsWith('GET '));

  test.each(changing)('%s has words, or is a question', (route) => {
    expect([Object.hasOwn(changes, route), questions.has(route)].filter(Boolean)).toHaveLength(1);
  });

  test('has every route of which there are words, but those of better-auth', () => {
    const known = [...Object.keys(changes), ...questions].filter(
      (route) => !/^POST \/api\/auth\//.test(route),
    );
    expect(known.filter((route) => !(route in leastRoles))).toEqual([]);
  });
});

const organisation = '/api/organisations/{organisation}';
const manager = '/api/apps/{app}/managers/{processType}';
const paul = { personId: 'p7', person: 'Paul <paul@example.com>' };
const withPaul = (role: string) => ({
  members: [
    { personId: 'p1', role: 'owner' },
    { ...paul, role },
  ],
});

test.each<[string, Change]>([
  ['Added the app music', { action: 'POST /api/apps', subject: '/api/apps', after: { name: 'music' } }],
  ['Removed the app a b', { action: 'DELETE /api/apps/{app}', subject: '/api/apps/a%20b', before: {} }],
  [
    'Let worker.2 of music go',
    { action: 'DELETE /api/apps/{app}/workers/{worker}', subject: '/api/apps/music/workers/worker.2' },
  ],
  [
    'Added the manager mailer to music',
    {
      action: 'POST /api/apps/{app}/managers',
      subject: '/api/apps/music/managers',
      before: { managers: ['worker'] },
      after: { managers: ['mailer', 'worker'] },
    },
  ],
  [
    'Changed the manager worker of music',
    {
      action: `PATCH ${manager}`,
      subject: '/api/apps/music/managers/worker',
      before: { maximum: 1, paused: false },
      after: { maximum: 2, paused: true },
    },
  ],
  [
    'Paused worker of music',
    { action: `PATCH ${manager}`, subject: '/api/apps/music/managers/worker', after: { paused: true } },
  ],
  [
    'Resumed worker of music',
    { action: `PATCH ${manager}`, subject: '/api/apps/music/managers/worker', after: { paused: false } },
  ],
  [
    'Held worker of music at 3',
    {
      action: `PUT ${manager}/hold`,
      subject: '/api/apps/music/managers/worker/hold',
      before: { hold: null },
      after: { hold: { count: 3, by: 'Ann' } },
    },
  ],
  [
    'Changed the channel ops',
    {
      action: 'PATCH /api/channels/{id}',
      subject: '/api/channels/4',
      before: { name: 'ops', tells: {} },
      after: { name: 'ops', tells: { opened: true } },
    },
  ],
  [
    'Renamed the organisation My organisation to Music Ltd',
    {
      action: `PATCH ${organisation}`,
      subject: '/api/organisations/1',
      before: { name: 'My organisation' },
      after: { name: 'Music Ltd' },
    },
  ],
  [
    'Changed the role of Paul <paul@example.com> to admin',
    {
      action: `PATCH ${organisation}/members/{person}`,
      subject: '/api/organisations/1/members/p7',
      before: withPaul('member'),
      after: withPaul('admin'),
    },
  ],
  [
    'Removed the member Paul <paul@example.com>',
    {
      action: `DELETE ${organisation}/members/{person}`,
      subject: '/api/organisations/1/members/p7',
      before: withPaul('admin'),
      after: { members: [] },
    },
  ],
  [
    'Made the API key ci-bot',
    {
      action: `POST ${organisation}/keys`,
      subject: '/api/organisations/1/keys',
      after: { name: 'ci-bot', secret: '••••••' },
    },
  ],
  [
    'Revoked the API key ci-bot',
    {
      action: `DELETE ${organisation}/keys/{key}`,
      subject: '/api/organisations/1/keys/x9',
      before: { name: 'ci-bot' },
    },
  ],
])('%s', (words, change) => {
  expect(inWords(change)).toBe(words);
});

test.each([undefined, null, [], 'text', 7, { name: 5, members: [null, 3], managers: 'x', hold: [] }])(
  'where %j was written down, every change is still told, without its path',
  (written) => {
    for (const action of Object.keys(changes)) {
      const subject = action.slice(action.indexOf(' ') + 1).replaceAll(/\{(\w+)\}/g, 'some-$1');
      const words = inWords({ action, subject, before: written, after: written });
      expect(words).toMatch(/^[A-Z][a-z]+ /);
      expect(words).not.toMatch(/\/|undefined|\[object/);
    }
  },
);

test('a change of a route that is no more is told by its path', () => {
  const change = { action: 'POST /api/old/{one}', subject: '/api/old/7' };
  expect(inWords(change)).toBe('POST /api/old/{one}: /api/old/7');
  expect(inWords({ action: 'constructor', subject: 'x' })).toBe('constructor: x');
});
