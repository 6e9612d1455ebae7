/**
 * `npm run bench -- controller [--sizes 100,1000,10000] [--seconds 60] [--quick] [--json] [--statements] [--profile folder]`:
 * what one controller carries. The last two tell where the time went: the statements that cost PostgreSQL the most, and a
 * profile of the controller's processor time.
 *
 * A private PostgreSQL in a temporary folder, a process that is the web process of every app, and a real controller in a
 * process of its own; all of them on the machine's cores. Apps of ten managers each are checked every 15 s while the API
 * is asked 50 times a second, then with 100 open dashboards. Printed for each size beside its goal: how late a
 * checkup came beyond its interval, the API's times, memory and processor share. At 1,000 managers also the overview
 * and a chart of a year.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { sql } from 'kysely';
import pg from 'pg';
import { type OpenStore, openStore } from '../../store/open.ts';
import { intervalSeconds, managersPerApp, runController, serveApps, type Usage } from './controller-parts.ts';
import { printStatements } from './controller-statements.ts';
import { createPostgres, type Postgres } from './postgres.ts';

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '100,1000,10000' },
    seconds: { type: 'string', default: '60' },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    statements: { type: 'boolean', default: false },
    profile: { type: 'string' },
    role: { type: 'string' },
    folder: { type: 'string', default: '' },
    database: { type: 'string', default: '' },
  },
});
const goals = {
  latenessMs: intervalSeconds * 1_000,
  apiP99Ms: 100,
  bytes: 1e9,
  streamsCore: 0.1,
  pageMs: 300,
};
const seconds = values.quick ? 20 : Number(values.seconds);
const sizes = (values.quick ? '100,1000' : values.sizes).split(',').map(Number);
const perSecond = 50;
const streamCount = 100;
const agent = new Agent({ keepAlive: true, maxSockets: 200 });

if (values.role === 'apps') serveApps();
else if (values.role === 'controller') await runController(values.folder, values.database);
else await main();

interface Row {
  readonly managers: number;
  readonly startSeconds: number;
  readonly checkupsPerSecond: number;
  readonly lateMaxMs: number;
  readonly lateP99Ms: number;
  readonly apiP50Ms: number;
  readonly apiP99Ms: number;
  readonly apiFailed: number;
  readonly residentBytes: number;
  readonly core: number;
  readonly streamsCore: number;
  readonly overviewMs: number;
  readonly yearMs: number;
}

async function main(): Promise<void> {
  const postgres = await createPostgres(postgresSettings());
  const apps = fork(fileURLToPath(import.meta.url), ['--role', 'apps']);
  try {
    const { port } = await message<{ port: number }>(apps);
    const rows: Row[] = [];
    for (const managers of sizes) {
      const row = await measure(postgres, managers, `http://127.0.0.1:${port}`);
      rows.push(row);
      if (!values.json) print(row);
    }
    if (values.json) console.log(JSON.stringify({ rows, goals }));
    else
      console.log(
        `\nload of the machine at the end: ${loadavg()[0]?.toFixed(1)} on ${availableParallelism()} cores`,
      );
  } finally {
    apps.kill();
    await postgres.remove();
  }
}

/** As in production: the defaults are those of a very small machine. Nothing that is promised to be kept is given up. */
function postgresSettings(): string[] {
  const statements = ['shared_preload_libraries=pg_stat_statements'];
  return ['shared_buffers=512MB', 'max_wal_size=2GB', ...(values.statements ? statements : [])];
}

async function measure(postgres: Postgres, managers: number, appsUrl: string): Promise<Row> {
  const folder = mkdtempSync(join(tmpdir(), 'headcount-bench-controller-'));
  const databaseUrl = await freshDatabase(postgres, `size_${managers}`);
  const store = await openStore({ databaseUrl });
  if (values.statements) await sql`create extension pg_stat_statements`.execute(store.kysely);
  const appCount = Math.ceil(managers / managersPerApp);
  await fill(store, appCount, appsUrl);
  const started = performance.now();
  const args = ['--role', 'controller', '--folder', folder, '--database', databaseUrl];
  const profile = values.profile && ['--cpu-prof', `--cpu-prof-dir=${values.profile}`];
  const child = fork(fileURLToPath(import.meta.url), args, {
    execArgv: [...process.execArgv, ...(profile || [])],
  });
  try {
    const { url } = await message<{ url: string }>(child);
    const { key } = JSON.parse(readFileSync(join(folder, 'controller.json'), 'utf8')) as { key: string };
    while ((await ask(child, '')).apps < appCount) await pause(200);
    const startSeconds = (performance.now() - started) / 1_000;
    // The first interval has the spreading in it.
    await pause(intervalSeconds * 1_000);
    const before = await ask(child, 'reset');
    const begun = performance.now();
    const times = await load(url, key, appCount);
    const after = await ask(child, '');
    const tookSeconds = (performance.now() - begun) / 1_000;
    const streamsCore = await streams(url, key, child);
    const late = sorted(after.latenessMs);
    const api = sorted(times.filter((time) => Number.isFinite(time)));
    return {
      managers: appCount * managersPerApp,
      startSeconds,
      checkupsPerSecond: after.checkups / tookSeconds,
      lateMaxMs: late.at(-1) ?? Number.NaN,
      lateP99Ms: at(late, 0.99),
      apiP50Ms: at(api, 0.5),
      apiP99Ms: at(api, 0.99),
      apiFailed: times.length - api.length,
      residentBytes: after.residentBytes,
      core: (after.cpuSeconds - before.cpuSeconds) / tookSeconds,
      streamsCore,
      overviewMs: await median(url, key, '/api/overview'),
      yearMs: await median(url, key, await aYear(store)),
    };
  } finally {
    if (values.statements) await printStatements(store);
    await end(child);
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A profile is written by a process that ends by itself. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  if (values.profile && child.connected) child.disconnect();
  else child.kill('SIGKILL');
  await gone;
}

async function freshDatabase({ url }: Postgres, name: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`create database ${name}`).finally(() => client.end());
  const own = new URL(url);
  own.pathname = `/${name}`;
  return own.href;
}

/** As a copy of one app: by the API it would take longer than the measurement. */
async function fill(store: OpenStore, appCount: number, appsUrl: string): Promise<void> {
  const fleet = { use: 'dry-run', options: {} };
  const url = `${appsUrl}/app-0`;
  const app = await store.apps.create({ name: 'app-0', token: 'token-0', url, fleet, createdAt: 1 });
  for (let type = 0; type < managersPerApp; type++)
    await store.managers.create(
      app.id,
      {
        processType: `w${type}`,
        minimum: 0,
        maximum: 20,
        paused: false,
        meters: [{ use: 'http-info', options: {} }],
        rules: [{ use: 'queue-size', options: { ratio: 2 } }],
        limits: [],
      },
      1,
    );
  await sql`insert into apps (name, token, url, fleet, created_at)
    select 'app-' || n, 'token-' || n, ${appsUrl} || '/app-' || n, fleet, created_at
    from apps, generate_series(1, ${appCount - 1}::int) as n`.execute(store.kysely);
  await sql`insert into managers (app_id, process_type, rules, limits, meters, minimum, maximum, paused, learned, created_at)
    select apps.id, process_type, rules, limits, meters, minimum, maximum, paused, learned, managers.created_at
    from managers, apps where apps.name <> 'app-0'`.execute(store.kysely);
}

/** Hours of a year for one manager; answers where its chart is. */
async function aYear(store: OpenStore): Promise<string> {
  const now = Date.now() - (Date.now() % 3_600_000);
  const from = now - 365 * 86_400_000;
  const [app] = await store.apps.list();
  const manager = app && (await store.managers.get(app.id, 'w0'));
  const hours = Array.from({ length: 365 * 24 - 24 }, (_, hour) => ({
    manager_id: Number(manager?.id),
    at: from + hour * 3_600_000,
    checkups: 240,
    waiting_sum: 1_000 + hour,
    waiting_known: 240,
    running_sum: null,
    running_known: 0,
    later_sum: null,
    later_known: 0,
    slots_sum: null,
    slots_known: 0,
    oldest_seconds: 4,
    current_sum: 480,
    desired_sum: 480,
    unknown_sum: 0,
  }));
  for (let n = 0; n < hours.length; n += 1_000)
    await store.kysely
      .insertInto('point_hours')
      .values(hours.slice(n, n + 1_000))
      .execute();
  return `/api/apps/${app?.name}/managers/w0/series?from=${from}&to=${Date.now()}`;
}

/** Fifty requests a second, whatever the answers take; a failed one is NaN. */
async function load(url: string, key: string, appCount: number): Promise<number[]> {
  const times: Promise<number>[] = [];
  const end = performance.now() + seconds * 1_000;
  for (let n = 0; performance.now() < end; n++) {
    const app = `/api/apps/app-${(n * 7919) % appCount}`;
    const manager = `${app}/managers/w${n % managersPerApp}`;
    const now = Date.now();
    const paths = [
      app,
      manager,
      `${manager}/series?from=${now - 3_600_000}&to=${now}`,
      `${manager}/decisions?limit=50`,
      '/api/decisions?limit=50',
    ];
    times.push(get(url, key, paths[n % paths.length] ?? app));
    await pause(1_000 / perSecond - 1);
  }
  return await Promise.all(times);
}

async function median(url: string, key: string, path: string): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < 9; n++) times.push(await get(url, key, path));
  return at(sorted(times), 0.5);
}

async function get(url: string, key: string, path: string): Promise<number> {
  const begun = performance.now();
  return await new Promise((resolve) => {
    const headers = { authorization: `Bearer ${key}` };
    const call = request(new URL(path, url), { agent, headers }, (answer) => {
      answer
        .resume()
        .once('end', () => resolve(answer.statusCode === 200 ? performance.now() - begun : Number.NaN));
    });
    call.once('error', () => resolve(Number.NaN));
    call.end();
  });
}

/** Cores that the open dashboards cost: with them, less without them, one after the other on the same controller. */
async function streams(url: string, key: string, child: ChildProcess): Promise<number> {
  const over = Math.max(10, Math.min(seconds, 2 * intervalSeconds));
  const share = async (): Promise<number> => {
    const before = await ask(child, '');
    await pause(over * 1_000);
    return ((await ask(child, '')).cpuSeconds - before.cpuSeconds) / over;
  };
  const without = await share();
  const open = Array.from({ length: streamCount }, () => {
    const call = request(
      new URL('/api/live', url),
      { headers: { authorization: `Bearer ${key}` } },
      (answer) => answer.resume(),
    );
    call.on('error', () => {});
    call.end();
    return call;
  });
  const cores = (await share()) - without;
  for (const call of open) call.destroy();
  return cores;
}

async function ask(child: ChildProcess, word: string): Promise<Usage> {
  child.send(word);
  return await message<Usage>(child);
}

async function message<T>(child: ChildProcess): Promise<T> {
  return await new Promise((resolve, reject) => {
    const ended = (code: number | null): void =>
      reject(new RangeError(`a part of the bench ended with ${code}`));
    child.once('exit', ended);
    child.once('message', (content) => {
      child.off('exit', ended);
      resolve(content as T);
    });
  });
}

function sorted(numbers: readonly number[]): number[] {
  return [...numbers].sort((a, b) => a - b);
}

function at(numbers: readonly number[], share: number): number {
  return numbers[Math.min(numbers.length - 1, Math.floor(numbers.length * share))] ?? Number.NaN;
}

function print(row: Row): void {
  const line = (what: string, value: string, goal = ''): void =>
    console.log(`  ${what.padEnd(40)} ${value.padStart(12)}  ${goal}`);
  const ms = (value: number): string => `${value.toFixed(1)} ms`;
  console.log(`\n${row.managers} managers, checked every ${intervalSeconds} s for ${seconds} s`);
  line('first checkup of all after', `${row.startSeconds.toFixed(1)} s`);
  line('checkups of managers a second', row.checkupsPerSecond.toFixed(1));
  line('latest checkup, beyond its interval', ms(row.lateMaxMs), `goal: under ${goals.latenessMs} ms`);
  line('p99 of the same (jitter: 750 ms)', ms(row.lateP99Ms));
  line(`API at ${perSecond} requests/s, median`, ms(row.apiP50Ms));
  line('API, p99', ms(row.apiP99Ms), `goal: under ${goals.apiP99Ms} ms`);
  if (row.apiFailed > 0) line('API, failed', String(row.apiFailed), 'goal: 0');
  line('memory', `${(row.residentBytes / 1e6).toFixed(0)} MB`, `goal: under ${goals.bytes / 1e6} MB`);
  line('processor', `${(row.core * 100).toFixed(0)} % of a core`);
  line(
    `${streamCount} open dashboards`,
    `${(row.streamsCore * 100).toFixed(1)} %`,
    'goal: under 10 % of a core',
  );
  line(
    'overview of all apps',
    ms(row.overviewMs),
    row.managers === 1_000 ? `goal: under ${goals.pageMs} ms` : '',
  );
  line("a year's chart", ms(row.yearMs), `goal: under ${goals.pageMs} ms`);
}
