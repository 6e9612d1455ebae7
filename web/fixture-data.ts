/** Made-up apps for developing and testing the dashboard: every state that a manager can be in, and awkward names. */
import type { Adapters, App, Choice, Decision, Manager, Point, Reason } from '../server/api.ts';
import { notifiers } from './fixture-notifiers.ts';
import { schedule } from './fixture-schedule.ts';

export const stepMs = 10_000;
const day = 86_400_000;

export const adapters: Adapters = {
  notifiers,
  meters: [
    {
      use: 'celery-redis',
      title: 'Celery on Redis',
      help: 'Counts waiting and running jobs of Celery queues in Redis.',
      options: [
        {
          name: 'url',
          label: 'Redis',
          help: 'Its address, with a password if it needs one.',
          type: 'text',
          secret: true,
        },
        {
          name: 'queues',
          label: 'Queues',
          help: 'Names, separated by commas.',
          type: 'text',
          default: 'celery',
        },
        {
          name: 'events',
          label: 'Listen to events',
          help: 'Tells the workers to send events of their tasks.',
          type: 'boolean',
          default: false,
        },
      ],
    },
    {
      use: 'http-info',
      title: 'Info endpoint',
      help: "Asks the app's own endpoint how much work waits.",
      options: [],
    },
  ],
  rules: [
    {
      use: 'wait-goal',
      title: 'Wait goal',
      help: 'As many workers as are needed for every job to start in time.',
      options: [
        {
          name: 'goalSeconds',
          label: 'Goal',
          help: 'Jobs should start within this time.',
          type: 'number',
          unit: 's',
          default: 30,
          minimum: 1,
          maximum: 86_400,
        },
      ],
    },
    {
      use: 'queue-size',
      title: 'Queue size',
      help: 'One worker for so many jobs.',
      options: [
        {
          name: 'ratio',
          label: 'Jobs per worker',
          help: 'Waiting and running jobs per worker.',
          type: 'number',
          minimum: 1,
        },
        {
          name: 'count',
          label: 'Count',
          help: 'Which jobs are counted.',
          type: 'text',
          choices: ['waiting', 'waiting and running'],
          default: 'waiting',
        },
        { name: 'eager', label: 'Eager', help: 'Round up rather than down.', type: 'boolean', default: true },
      ],
    },
  ],
  limits: [
    {
      use: 'cooldown',
      title: 'Cooldown',
      help: 'Waits between two changes, so that the number does not flap.',
      options: [
        {
          name: 'upSeconds',
          label: 'Before growing',
          help: 'Time since the last change.',
          type: 'number',
          unit: 's',
          default: 0,
          minimum: 0,
        },
        {
          name: 'downSeconds',
          label: 'Before shrinking',
          help: 'Time since the last change.',
          type: 'number',
          unit: 's',
          default: 120,
          minimum: 0,
        },
      ],
    },
    schedule,
    {
      use: 'step',
      title: 'Step',
      help: 'Changes the number by at most so many at once.',
      options: [
        {
          name: 'down',
          label: 'Down',
          help: 'At most so many fewer.',
          type: 'number',
          optional: true,
          minimum: 1,
        },
      ],
    },
  ],
  fleets: [
    {
      use: 'local',
      title: 'This machine',
      help: 'Runs the processes of a Procfile here.',
      options: [
        { name: 'procfile', label: 'Procfile', help: 'Its path.', type: 'text', default: 'Procfile' },
        {
          name: 'port',
          label: 'Port',
          help: 'The first port that web processes get.',
          type: 'number',
          optional: true,
          minimum: 1,
          maximum: 65_535,
        },
      ],
    },
    {
      use: 'dry-run',
      title: 'Dry run',
      help: 'Decides and records, and changes nothing anywhere.',
      options: [],
    },
  ],
};

export const longApp = `the-catalogue-of-every-recording-${'very-'.repeat(4)}long-name`.slice(0, 63);
export const longType = `worker_that_matches_${'very_'.repeat(7)}long`.slice(0, 63);

const goal: Choice = { use: 'wait-goal', options: { goalSeconds: 30 } };
const redis: Choice = { use: 'celery-redis', options: { url: '••••••', queues: 'celery' } };

export function manager(processType: string, change: Partial<Manager> = {}): Manager {
  return {
    processType,
    rules: [goal],
    limits: [{ use: 'cooldown', options: { upSeconds: 0, downSeconds: 120 } }],
    meters: [redis],
    minimum: 0,
    maximum: 8,
    paused: false,
    learned: {
      serviceSeconds: { value: 0.42, observations: 18_204 },
      bootSeconds: { value: 3.1, observations: 24 },
      concurrency: { value: 4, observations: 0 },
    },
    ...change,
  };
}

export function demoApps(now: number): App[] {
  const latest = latestAt(now);
  const app = (name: string, managers: Manager[], change: Partial<App> = {}): App => ({
    name,
    token: 'Jx8b2Qm0v3sT5yLr9KdWcE7nHfPa1UzG',
    fleet: { use: 'local', options: { procfile: 'examples/catalogue/Procfile', port: 5_000 } },
    url: 'http://127.0.0.1:5000',
    createdAt: now - 12 * day,
    managers,
    ...change,
  });
  const known = { waiting: 0, running: 0, later: 0, oldestSeconds: 0, slots: 0 };
  return [
    app('catalogue', [
      manager('web', {
        meters: [],
        rules: [],
        minimum: 1,
        maximum: 1,
        latest: latest({ current: 1, desired: 1 }),
      }),
      manager('worker', {
        latest: latest({
          waiting: 12_430,
          running: 20,
          later: 14,
          oldestSeconds: 41.2,
          slots: 20,
          current: 5,
          desired: 8,
        }),
      }),
      manager('mailer', { paused: true, latest: latest({ ...known, current: 2, desired: 0 }) }),
    ]),
    app('royalties', [
      manager('worker', {
        unknown: 'Redis at 10.0.4.12:6379 refused the connection',
        latest: latest({ current: 3, desired: 3, unknown: 1 }),
      }),
      manager('nightly', {
        hold: { count: 4, until: now + 3_540_000, by: 'Rachel' },
        latest: latest({
          ...known,
          waiting: 120,
          running: 16,
          oldestSeconds: 8,
          slots: 16,
          current: 4,
          desired: 4,
        }),
      }),
    ]),
    app(longApp, [
      manager(longType, {
        maximum: 300,
        latest: latest({
          waiting: 300_000,
          running: 1_180,
          oldestSeconds: 5_400,
          current: 300,
          desired: 300,
        }),
      }),
    ]),
    app('fresh', [], { fleet: { use: 'dry-run', options: {} } }),
  ];
}

function latestAt(now: number): (change: Partial<Point>) => Point {
  return (change) => ({ at: now - 3_000, current: 0, desired: 0, unknown: 0, ...change });
}

/** A burst that arrives, is worked off by growing numbers of workers, and is followed by quiet; with a stretch of unknown. */
export function points(from: number, to: number, gapMs: number): Point[] {
  const result: Point[] = [];
  const span = to - from;
  for (let at = Math.ceil(from / gapMs) * gapMs; at < to; at += gapMs)
    result.push(pointAt(at, (at - from) / span));
  return result;
}

function pointAt(at: number, share: number): Point {
  const wave = Math.max(0, Math.sin((share * 2.4 - 0.35) * Math.PI));
  const jitter = (Math.sin(at / 7_000) + 1) / 2;
  const waiting = Math.round(12_000 * wave ** 1.6 + (wave > 0 ? 300 * jitter : 0));
  const desired = waiting === 0 ? 0 : Math.min(8, 1 + Math.ceil(waiting / 1_600));
  const current = waiting === 0 ? 0 : Math.max(1, desired - (jitter > 0.7 ? 1 : 0));
  if (share > 0.55 && share < 0.62) return { at, current, desired: current, unknown: 1 };
  const oldestSeconds = waiting === 0 ? 0 : Math.round((4 + 38 * wave + 5 * jitter) * 10) / 10;
  return {
    at,
    waiting,
    running: current * 4,
    later: 0,
    oldestSeconds,
    slots: current * 4,
    current,
    desired,
    unknown: 0,
  };
}

export function decision(id: number, at: number, change: Partial<Decision> = {}): Decision {
  const desired = change.desired ?? 8;
  const current = change.current ?? 5;
  const reasons: Reason[] = [
    {
      by: 'wait-goal',
      from: current,
      to: 11,
      text: '12,430 waiting, oldest 41 s, goal 30 s: 11 workers of 4 slots at 0.42 s per job keep it',
    },
    { by: 'cooldown', from: 11, to: 11, text: 'growing needs no pause' },
    { by: 'bounds', from: 11, to: desired, text: `at most ${desired}` },
  ];
  return {
    id: String(id),
    at,
    current,
    desired,
    unknown: false,
    outcome: 'scaled',
    sentence: `worker ${current} → ${desired}: 12,430 wait, the oldest for 41 s, and the goal is 30 s; the maximum is ${desired}.`,
    reasons,
    ...change,
  };
}

export function demoDecisions(now: number): Decision[] {
  const kept = { current: 3, desired: 3, outcome: 'kept' as const, unknown: true };
  return [
    decision(420, now - 8_000),
    decision(419, now - 190_000, {
      outcome: 'failed',
      error: 'The fleet could not be scaled: the platform answered 503. It is tried again in 20 s.',
    }),
    ...[0, 1, 2, 3, 4].map((index) =>
      decision(418 - index, now - 400_000 - index * stepMs, {
        ...kept,
        sentence:
          'worker stays at 3: Redis at 10.0.4.12:6379 refused the connection, and unknown is never zero.',
        reasons: [
          { by: 'hold-on-unknown', from: 0, to: 3, text: 'a reading is unknown, so the count does not fall' },
        ],
      }),
    ),
    decision(410, now - 2_400_000, {
      current: 4,
      desired: 0,
      sentence: 'worker 4 → 0: nothing waits and nothing runs.',
      reasons: [{ by: 'wait-goal', from: 4, to: 0, text: 'nothing waits, nothing runs' }],
    }),
    decision(409, now - 26 * 3_600_000, { outcome: 'dry-run', current: 0, desired: 4 }),
  ];
}
