/** What the stand-in for the controller says of setting an app up. */
import type { Hono } from 'hono';
import type { App, Inbox } from '../server/api.ts';
import type { SetupGuide } from '../server/setup-guide.ts';

export function setupRoutes(http: Hono, find: (name: string) => App | undefined): void {
  http.get('/api/apps/:app/inbox', (c) => c.json(inboxOf(c.req.param('app'))));
  http.get('/api/apps/:app/setup-guide', (c) => {
    const app = find(c.req.param('app'));
    if (!app) return c.json({ code: 'NOT_FOUND' }, 404);
    return c.json(guideOf(app, c.req.query('processType') ?? '', c.req.query('measure') ?? ''));
  });
}

/** The catalogue pushes, the others were never heard. */
function inboxOf(app: string): Inbox {
  const heard = {
    dialect: 'hirefire-1' as const,
    agent: 'Python-1.0.3',
    firstAt: Date.now() - 60_000,
    at: Date.now(),
    count: 12,
  };
  return { heard: app === 'catalogue' ? [heard] : [], processTypes: [], dropped: {}, sampled: false };
}

function guideOf({ token }: App, processType: string, measure: string): SetupGuide {
  const library = {
    language: 'node' as const,
    install: 'npm install @headcount/agent',
    file: 'where the server is made',
  };
  return {
    address: 'https://headcount.example.com',
    commands: [
      { title: 'Heroku', text: `heroku config:set HIREFIRE_TOKEN=${token}`, why: `For ${measure}.` },
      { title: 'Any shell', text: `export HIREFIRE_TOKEN=${token}`, why: 'The same elsewhere.' },
    ],
    libraries: [
      {
        ...library,
        framework: 'express',
        title: 'Express',
        code: `app.use(forExpress(agent)); // ${processType}`,
      },
      {
        ...library,
        framework: 'fastify',
        title: 'Fastify',
        code: `await app.register(forFastify(agent)); // ${processType}`,
      },
    ],
  };
}
