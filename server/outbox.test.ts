import { pino } from 'pino';
import { beforeEach, expect, test } from 'vitest';
import { virtualClock } from '../checks/stage.ts';
import type { Notice, NotifierKind } from '../notify/notifier.ts';
import { notifiers } from '../notify/registry.ts';
import type { Channel, Tells } from '../store/store.ts';
import { createOutbox, mostWaiting, type Outbox, problemsWithChannel, quietUntil } from './outbox.ts';

const tells: Tells = {
  opened: true,
  resolved: true,
  scaled: false,
  leastSeverity: 'warning',
  groupSeconds: 30,
};

const channel = (more: Partial<Tells> = {}): Channel => ({
  id: '1',
  name: 'call',
  notifier: { use: 'ear', options: {} },
  tells: { ...tells, ...more },
  createdAt: 0,
});

const notice = (more: Partial<Notice> = {}): Notice => ({
  id: `n${Math.abs(Number(more.at ?? 0))}`,
  at: 0,
  kind: 'opened',
  key: 'music/worker/refused',
  severity: 'critical',
  app: 'music',
  title: 'refused',
  text: '',
  ...more,
});

let heard: string[][];
let refusing: boolean;
let tries: number;
const ear: NotifierKind = {
  use: 'ear',
  title: 'Ear',
  help: 'Hears.',
  options: [],
  create: () => ({
    name: 'ear',
    send: async (notices) => {
      tries += 1;
      if (refusing) throw new TypeError('not now');
      heard.push(notices.map(({ kind, title }) => `${kind} ${title}`));
    },
  }),
};

let clock: ReturnType<typeof virtualClock>;
let outbox: Outbox;

beforeEach(() => {
  heard = [];
  refusing = false;
  tries = 0;
  clock = virtualClock();
  const post = async () => ({ status: 200, text: '' });
  outbox = createOutbox({ clock, log: pino({ level: 'silent' }), kinds: [ear], post });
  outbox.use([channel()]);
});

/** Moves the clock, and lets what it started come to its end. */
async function pass(seconds: number): Promise<void> {
  clock.advance(seconds * 1000);
  await new Promise((resolve) => setImmediate(resolve));
}

test('what comes together is one message', async () => {
  outbox.tell(notice());
  await pass(20);
  outbox.tell(notice({ key: 'music/mailer/refused', title: 'mailer refused' }));
  expect(heard).toEqual([]);
  await pass(10);
  expect(heard).toEqual([['opened refused', 'opened mailer refused']]);
  expect(outbox.state('1')).toEqual({ at: clock.now() });
});

test('what is over before anybody heard of it is not told', async () => {
  outbox.tell(notice());
  outbox.tell(notice({ kind: 'resolved' }));
  await pass(60);
  expect(heard).toEqual([]);
  outbox.tell(notice());
  await pass(30);
  outbox.tell(notice({ kind: 'resolved' }));
  await pass(30);
  expect(heard).toEqual([['opened refused'], ['resolved refused']]);
});

test('a channel hears only what it asked for', async () => {
  outbox.use([channel({ apps: ['video'], scaled: true })]);
  outbox.tell(notice());
  outbox.tell(notice({ app: 'video', severity: 'info', key: 'a' }));
  outbox.tell(notice({ app: 'video', severity: 'info', kind: 'scaled', title: '3 to 5', key: 'b' }));
  await pass(30);
  expect(heard).toEqual([['scaled 3 to 5']]);
});

test('a refused message is tried again, further and further apart, and given up after six times', async () => {
  refusing = true;
  outbox.tell(notice());
  await pass(30);
  expect([tries, outbox.state('1')?.error]).toEqual([1, 'not now']);
  for (const seconds of [5, 30, 120, 600]) await pass(seconds);
  expect(tries).toBe(5);
  refusing = false;
  outbox.tell(notice({ key: 'other', title: 'another' }));
  await pass(1_800);
  expect(heard).toEqual([['opened refused', 'opened another']]);
  refusing = true;
  outbox.tell(notice({ key: 'third' }));
  for (const seconds of [30, 5, 30, 120, 600, 1_800, 1_800]) await pass(seconds);
  expect(tries).toBe(12);
  expect(clock.waitingCount()).toBe(0);
});

test('in quiet hours only what is critical goes out; the rest comes in the morning', async () => {
  const { hours, minutes } = { hours: new Date(clock.now()).getUTCHours(), minutes: 0 };
  const at = (hour: number): string => `${String((hour + 24) % 24).padStart(2, '0')}:${minutes}0`;
  outbox.use([channel({ quiet: { from: at(hours), to: at(hours + 2), timeZone: 'UTC' } })]);
  outbox.tell(notice({ severity: 'warning', key: 'w', title: 'at the maximum' }));
  outbox.tell(notice());
  await pass(30);
  expect(heard).toEqual([['opened refused']]);
  await pass(2 * 3_600);
  expect(heard).toEqual([['opened refused'], ['opened at the maximum']]);
});

test('the end of quiet hours, before and after midnight and across a change of the clock', () => {
  const night = { from: '22:00', to: '06:00', timeZone: 'Europe/Berlin' };
  const at = (text: string): number => Date.parse(text);
  expect(quietUntil(night, at('2026-01-10T20:59:59Z'))).toBeUndefined();
  expect(quietUntil(night, at('2026-01-10T21:00:00Z'))).toBe(at('2026-01-11T05:00:00Z'));
  expect(quietUntil(night, at('2026-01-11T04:59:30Z'))).toBe(at('2026-01-11T05:00:00Z'));
  expect(quietUntil(night, at('2026-01-11T05:00:00Z'))).toBeUndefined();
  expect(quietUntil(undefined, 0)).toBeUndefined();
  // On the night in which an hour comes twice it is looked at again when the hours would have ended.
  const early = quietUntil(night, at('2026-10-24T22:00:00Z'))!;
  expect(quietUntil(night, early)).toBe(at('2026-10-25T05:00:00Z'));
});

test('what waits is bounded, and what is left is sent at the end', async () => {
  for (let index = 0; index < mostWaiting + 10; index++)
    outbox.tell(notice({ key: `k${index}`, title: `${index}` }));
  await outbox.close();
  expect(heard[0]).toHaveLength(mostWaiting);
  expect(heard[0]?.[0]).toBe('opened 10');
  expect(clock.waitingCount()).toBe(0);
});

test('a channel that is gone hears nothing more, and a changed one is asked anew', async () => {
  outbox.tell(notice());
  outbox.use([]);
  await pass(60);
  expect([heard, outbox.state('1')]).toEqual([[], undefined]);
  outbox.use([channel({ opened: false })]);
  outbox.tell(notice());
  await pass(60);
  expect(heard).toEqual([]);
});

test('a test message goes at once, and its refusal reaches the person who asked', async () => {
  await outbox.test(channel(), notice({ kind: 'test', title: 'Hello' }));
  expect(heard).toEqual([['test Hello']]);
  refusing = true;
  await expect(outbox.test(channel(), notice({ kind: 'test' }))).rejects.toThrow('not now');
  await expect(outbox.test({ notifier: { use: 'eer', options: {} } }, notice())).rejects.toMatchObject({
    code: 'ADAPTER_UNKNOWN',
  });
});

test('a channel that cannot work is told when it is saved', () => {
  const quiet = { from: '22:00', to: '22:00', timeZone: 'Europe/Berlyn' };
  const problems = problemsWithChannel(notifiers, {
    notifier: { use: 'slak', options: {} },
    tells: { ...tells, quiet },
  });
  expect(problems).toEqual([
    'unknown notifier "slak", did you mean "slack"?',
    '"Europe/Berlyn" is no time zone',
    'the quiet hours end when they begin',
  ]);
});
