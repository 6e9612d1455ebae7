/**
 * The fake Heroku as a program:
 *
 *   node dist/examples/heroku-fake/main.js --port 5600 --procfile examples/catalogue/Procfile --boot-seconds 5
 *
 * Prints one JSON line when it listens: `{"url", "routerUrl", "app", "apiKey"}`. SIGTERM or SIGINT ends every dyno first.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startFakeHeroku } from './server.ts';

const usage = `--procfile FILE       the process types and their commands (default: Procfile)
--folder FOLDER       where the commands run (default: here)
--virtual             run nothing: dynos only pretend
--port N              of the API (default: any free port)
--router-port N       of the web dynos (default: any free port)
--app NAME            (default: demo)          --api-key KEY       (default: fake-key)
--boot-seconds N      (default: 5)             --grace-seconds N   (default: 30)
--size NAME           (default: Standard-1X)   --most-dynos N      (default: 100)
--config NAME=VALUE   once or more             --strict            only what the published schema allows
--autoscale           Heroku's own autoscaling is on for web
--quiet               no log of the dynos on stderr`;

const { values } = parseArgs({
  options: {
    procfile: { type: 'string', default: 'Procfile' },
    folder: { type: 'string', default: '.' },
    virtual: { type: 'boolean', default: false },
    port: { type: 'string', default: '0' },
    'router-port': { type: 'string', default: '0' },
    app: { type: 'string', default: 'demo' },
    'api-key': { type: 'string', default: 'fake-key' },
    'boot-seconds': { type: 'string', default: '5' },
    'grace-seconds': { type: 'string', default: '30' },
    size: { type: 'string', default: 'Standard-1X' },
    'most-dynos': { type: 'string', default: '100' },
    config: { type: 'string', multiple: true, default: [] },
    strict: { type: 'boolean', default: false },
    autoscale: { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  console.log(usage);
  process.exit(0);
}

const fake = await startFakeHeroku({
  procfile: readProcfile(values.procfile),
  app: values.app,
  apiKey: values['api-key'],
  port: Number(values.port),
  routerPort: Number(values['router-port']),
  config: Object.fromEntries(values.config.map((pair) => pair.split(/=(.*)/s).slice(0, 2))),
  size: values.size,
  bootSeconds: Number(values['boot-seconds']),
  graceSeconds: Number(values['grace-seconds']),
  mostDynos: Number(values['most-dynos']),
  strict: values.strict,
  autoscale: values.autoscale,
  ...(values.virtual ? {} : { run: values.folder }),
  log: (line) => void (values.quiet || process.stderr.write(`${line}\n`)),
});

const { url, routerUrl, apiKey } = fake;
console.log(JSON.stringify({ url, routerUrl, app: values.app, apiKey }));

let stops = 0;
const stop = (): void => {
  stops += 1;
  if (stops === 1) void fake.close().then(() => process.exit(0));
};
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
// Who started it with a channel and is gone, however, leaves no dynos behind.
if (process.send) process.on('disconnect', stop);

function readProcfile(path: string): Record<string, string> {
  const lines = readFileSync(path, 'utf8').split(/\r?\n/);
  const entries = lines.flatMap((line) => {
    const [, type, command] = /^([-\w]+)\s*:\s*(\S.*?)\s*$/.exec(line) ?? [];
    return type !== undefined && command !== undefined ? [[type, command]] : [];
  });
  return Object.fromEntries(entries);
}
