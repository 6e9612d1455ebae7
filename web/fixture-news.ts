/** What the stand-in for the controller says of issues and channels. */
import type { Hono } from 'hono';
import type { Channel, Issue } from '../server/api-issues.ts';
import type { FixtureState } from './fixture.ts';
import { longApp, longType } from './fixture-data.ts';

const minute = 60_000;

function issue(id: number, at: number, change: Partial<Issue>): Issue {
  return {
    id: String(id),
    app: 'royalties',
    processType: 'worker',
    kind: 'unknown',
    severity: 'warning',
    title: 'something cannot be measured, so it does not shrink',
    text: 'Redis at 10.0.4.12:6379 refused the connection.',
    todo: 'See that what the meter asks is up and lets it in; the number is held until it answers again.',
    since: at,
    openedAt: at + minute,
    seenAt: at + 2 * minute,
    ...change,
  };
}

export function demoIssues(now: number): Issue[] {
  const late = {
    app: longApp,
    processType: longType,
    kind: 'late',
    severity: 'critical' as const,
    title: 'jobs wait longer than the goal of 30 s',
    text: 'The oldest has waited 1 h 30 min.',
    todo: 'Raise the maximum, make the jobs shorter, or accept a longer goal.',
  };
  const maximum = {
    ...late,
    kind: 'maximum',
    severity: 'warning' as const,
    title: 'at the maximum of 300',
    text: '1200 would be needed. Raise the maximum, or make the jobs shorter.',
    todo: 'Raise the maximum, or make the jobs shorter.',
  };
  const over = Array.from({ length: 60 }, (_, index) => {
    const at = now - (index + 1) * 9 * 3_600_000;
    return issue(90 - index, at, { resolvedAt: at + (index + 3) * minute });
  });
  return [
    issue(103, now - 4 * minute, {}),
    issue(102, now - 95 * minute, late),
    issue(101, now - 80 * minute, maximum),
    ...over,
  ];
}

export function demoChannels(now: number): Channel[] {
  const tells = { opened: true, resolved: true, scaled: false, leastSeverity: 'warning', groupSeconds: 30 };
  const slack = { use: 'slack', options: { url: '••••••' } };
  return [
    {
      id: '1',
      name: 'On call',
      notifier: slack,
      tells: { ...tells, leastSeverity: 'critical', groupSeconds: 0 },
      createdAt: now - 86_400_000,
      sent: { at: now - 12 * minute },
    },
    {
      id: '2',
      name: `The team that ${'really '.repeat(8)}cares`,
      notifier: { use: 'mail', options: { to: 'team@example.com', port: 587 } },
      tells: {
        ...tells,
        leastSeverity: 'warning',
        apps: ['catalogue', longApp],
        quiet: { from: '22:00', to: '06:00', timeZone: 'Europe/Berlin' },
      },
      createdAt: now - 86_400_000,
      sent: { at: now - minute, error: 'The mail server refused: 535 wrong password. Type it again.' },
    },
  ];
}

type Problem = (status: number, code: string, detail: string) => Response;

export function newsRoutes(http: Hono, state: FixtureState, problem: Problem): void {
  const missing = (): Response => problem(404, 'NOT_FOUND', 'There is no such channel: it was removed.');
  http.get('/api/issues', (c) => {
    const { open, app, before, limit } = c.req.query();
    const all = state.issues.filter(
      (each) =>
        (app ?? each.app) === each.app && (open === undefined || (open === 'true') === !each.resolvedAt),
    );
    const rest = before ? all.slice(all.findIndex(({ id }) => id === before) + 1) : all;
    const shown = rest.slice(0, Number(limit));
    return c.json({ issues: shown, ...(rest.length > shown.length ? { next: shown.at(-1)?.id } : {}) });
  });
  http.get('/api/channels', (c) => c.json(state.channels));
  http.post('/api/channels', async (c) => {
    const settings = await c.req.json();
    if (state.channels.some(({ name }) => name === settings.name))
      return problem(
        409,
        'NAME_TAKEN',
        `There is a channel "${settings.name}" already. Choose another name.`,
      );
    const made = { ...settings, id: String(Date.now()), createdAt: Date.now() };
    state.channels.push(made);
    return c.json(made, 201);
  });
  http.patch('/api/channels/:id', async (c) => {
    const found = state.channels.find(({ id }) => id === c.req.param('id'));
    if (!found) return missing();
    Object.assign(found, await c.req.json());
    return c.json(found);
  });
  http.delete('/api/channels/:id', (c) => {
    state.channels = state.channels.filter(({ id }) => id !== c.req.param('id'));
    return c.body(null, 204);
  });
  http.post('/api/channels/:id/test', (c) => {
    const found = state.channels.find(({ id }) => id === c.req.param('id'));
    if (!found) return missing();
    if (found.sent?.error) return problem(502, 'NOTIFY_FAILED', found.sent.error);
    found.sent = { at: Date.now() };
    return c.body(null, 204);
  });
}
