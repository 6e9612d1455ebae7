/**
 * What to do in an app so that it speaks to Headcount: the commands that set its token, and the lines for each framework. The dashboard
 * and `headcount setup` show the same, because both ask for it here.
 *
 * Ruby and Python use HireFire's own libraries (MIT), which speak to us with nothing changed but the environment; Node uses our agent. The
 * lines follow the libraries' 1.x interfaces. What pushes is told all addresses at once: each library reads its own, our agent the first.
 */
import { z } from '@hono/zod-openapi';

export const measures = ['jobs', 'latency', 'requests'] as const;
export type Measure = (typeof measures)[number];

export const setupGuide = z
  .object({
    /** Where the app reaches this controller. */
    address: z.string(),
    /** Why the app may not reach it there. */
    warning: z.string().optional(),
    commands: z.array(z.object({ title: z.string(), text: z.string(), why: z.string() })),
    libraries: z.array(
      z.object({
        language: z.enum(['node', 'ruby', 'python', 'other']),
        framework: z.string(),
        title: z.string(),
        install: z.string(),
        file: z.string(),
        code: z.string(),
      }),
    ),
  })
  .openapi('SetupGuide');

export type SetupGuide = z.infer<typeof setupGuide>;
type Library = SetupGuide['libraries'][number];

export interface GuideFor {
  readonly token: string;
  readonly address: string;
  readonly processType: string;
  readonly measure: Measure;
}

export function guideFor(given: GuideFor): SetupGuide {
  const warning = problemWith(given.address);
  return {
    address: given.address,
    ...(warning && { warning }),
    commands: commandsFor(given),
    libraries: [...nodeLibraries(given), ...rubyLibraries(given), ...pythonLibraries(given), other(given)],
  };
}

const pushVariables = ['HEADCOUNT_URL', 'HIREFIRE_DISPATCH_URL', 'HIREFIRE_DATA_URL'];

function commandsFor({ token, address, measure }: GuideFor): SetupGuide['commands'] {
  const pushes = measure === 'requests';
  const set = [
    `HIREFIRE_TOKEN=${token}`,
    ...(pushes ? pushVariables.map((variable) => `${variable}=${address}`) : []),
  ];
  return [
    {
      title: 'Heroku',
      text: `heroku config:set ${set.join(' ')}`,
      why: pushes
        ? 'The app pushes there: our agent by the first address, HireFire’s libraries 1.x and 2.0 by the others.'
        : 'The app answers only to whoever knows this token.',
    },
    { title: 'Any shell', text: `export ${set.join(' ')}`, why: 'The same where the app runs elsewhere.' },
    {
      title: "An app with Judoscale's adapters",
      text: `heroku config:set JUDOSCALE_URL=${address}/api/${token}`,
      why: 'Instead of all others: nothing else changes in the app.',
    },
  ];
}

/** HireFire 1.x libraries always speak TLS on port 443; hosts of this machine are nobody else's. */
function problemWith(address: string): string | undefined {
  const { protocol, hostname, port } = new URL(address);
  if (/^(localhost|127\.|\[::1\]|0\.0\.0\.0)/.test(hostname))
    return `${address} is reached from this machine only; where the app runs elsewhere, set publicUrl`;
  if (protocol !== 'https:' || port !== '')
    return `HireFire libraries 1.x push to https and port 443 only, not to ${address}; our agent pushes there, and being asked works all the same`;
  return undefined;
}

function nodeLibraries(given: GuideFor): Library[] {
  const rest = 'before everything that answers or redirects';
  return [
    nodeLibrary(given, 'express', 'Express', 'forExpress', [`app.use(forExpress(agent)); // ${rest}`]),
    nodeLibrary(given, 'fastify', 'Fastify', 'forFastify', ['await app.register(forFastify(agent));']),
    nodeLibrary(given, 'koa', 'Koa', 'forKoa', [`app.use(forKoa(agent)); // ${rest}`]),
    nodeLibrary(given, 'hono', 'Hono', 'forHono', ["app.use('*', forHono(agent)); // before the routes"]),
    {
      ...nodeLibrary(given, 'next', 'Next.js', 'forNext', ['export const GET = forNext(agent);']),
      file: 'app/hirefire/[[...path]]/route.ts',
    },
    {
      ...nodeLibrary(given, 'nest', 'NestJS', 'forNest', ['app.use(forNest(agent)); // before app.listen()']),
      file: 'main.ts',
    },
    nodeLibrary(given, 'http', 'node:http', 'forNodeHttp', [
      'createServer(forNodeHttp(agent, yourListener)).listen(process.env.PORT); // of node:http',
    ]),
  ];
}

function nodeLibrary(
  { processType, measure }: GuideFor,
  framework: string,
  title: string,
  adapter: string,
  lines: readonly string[],
): Library {
  const value = measure === 'latency' ? 'secondsOfOldestJob()' : 'queue.length';
  const counts = `{ processTypes: { ${quoted(processType)}: () => ${value} } }`;
  const code = [
    `import { createAgent, ${adapter} } from '@headcount/agent';`,
    '',
    measure === 'requests'
      ? 'const agent = createAgent(); // sees the requests of this process by itself'
      : `const agent = createAgent(${counts});`,
    ...lines,
  ];
  return {
    language: 'node',
    framework,
    title,
    install: 'npm install @headcount/agent',
    file: 'where the server is made',
    code: code.join('\n'),
  };
}

function rubyLibraries({ processType, measure }: GuideFor): Library[] {
  const macro = measure === 'latency' ? 'job_queue_latency' : 'job_queue_size';
  const dyno =
    measure === 'requests'
      ? `  config.dyno(:${processType})`
      : `  config.dyno(:${processType}) { HireFire::Macro::Sidekiq.${macro}(:default) }`;
  const configure = ['HireFire.configure do |config|', dyno, 'end'];
  const made = (framework: string, title: string, file: string, lines: readonly string[]): Library => ({
    language: 'ruby',
    framework,
    title,
    install: 'bundle add hirefire-resource',
    file,
    code: lines.join('\n'),
  });
  return [
    made('rails', 'Rails', 'config/initializers/hirefire.rb', configure),
    made('rack', 'Sinatra, Rack', 'config.ru', [...configure, '', 'use HireFire::Middleware']),
  ];
}

function pythonLibraries({ processType, measure }: GuideFor): Library[] {
  const macro = measure === 'latency' ? 'job_queue_latency' : 'job_queue_size';
  const dyno =
    measure === 'requests'
      ? [`    config.dyno("${processType}")`]
      : [`    config.dyno("${processType}", lambda: ${macro}("celery"))`];
  const configure = [
    'from hirefire_resource import HireFire',
    ...(measure === 'requests' ? [] : [`from hirefire_resource.macro.celery import ${macro}`]),
    '',
    'with HireFire.configure() as config:',
    ...dyno,
  ];
  const made = (framework: string, title: string, file: string, lines: readonly string[]): Library => ({
    language: 'python',
    framework,
    title,
    install: 'pip install hirefire-resource',
    file,
    code: [...configure, '', ...lines].join('\n'),
  });
  const middleware = (path: string) => `from hirefire_resource.middleware.${path} import HireFireMiddleware`;
  return [
    made('django', 'Django', 'settings.py', [
      'MIDDLEWARE = [',
      '    "hirefire_resource.middleware.wsgi.django.HireFireMiddleware",',
      '    *MIDDLEWARE,',
      ']',
    ]),
    made('flask', 'Flask', 'where the app is made', [
      middleware('wsgi.flask'),
      '',
      'app.wsgi_app = HireFireMiddleware(app)',
    ]),
    made('fastapi', 'FastAPI, Starlette', 'where the app is made', [
      middleware('asgi.starlette'),
      '',
      'app.add_middleware(HireFireMiddleware)',
    ]),
  ];
}

function other({ processType, measure }: GuideFor): Library {
  const value = measure === 'latency' ? 3.2 : 5;
  return {
    language: 'other',
    framework: 'any',
    title: 'Any language',
    install: 'nothing',
    file: 'a route of your own',
    code: [
      'GET /hirefire/<HIREFIRE_TOKEN of the environment>/info',
      '',
      '200, Content-Type: application/json',
      `[{"name":"${processType}","value":${value}}]`,
      '',
      'value: null where it cannot be counted; never 0 because something failed.',
    ].join('\n'),
  };
}

function quoted(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : `'${name}'`;
}
