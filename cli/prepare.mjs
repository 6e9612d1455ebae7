/**
 * The one door for `npm run demo|dev|build|check|test|bench`: makes a fresh clone ready (installs the packages, builds
 * what is older than its source), then starts what was asked for. Plain JavaScript without imports of ours, because
 * it runs before anything is installed or built.
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `Headcount needs Node 20.19 or newer; this is ${process.versions.node}. Install a newer Node.`,
  );
  process.exit(1);
}

/** More failed files than this are no accident. */
const mostRepeated = 5;
const mostRepetitions = 2;
/** A whole run takes about a quarter of an hour, and all of them together at most an hour and a half. */
const lastRepetitionMs = 40 * 60_000;

const [, , task = '', ...rest] = process.argv;
const args = rest[0] === '--' ? rest.slice(1) : rest;

const tasks = {
  build: () => build(),
  demo: () => {
    build();
    become('node', ['--enable-source-maps', 'dist/cli/main.js', 'demo', ...args]);
  },
  dev: () => {
    build();
    run('npx', ['vite', 'build', '--config', 'web/vite.config.ts', '--mode', 'development']);
    become('node', ['--enable-source-maps', '--watch', 'dist/cli/main.js', 'up', ...args]);
  },
  check: () => check(),
  test: () => {
    build();
    if (args.length === 0) check();
    if (process.env.CI && args.length === 0) testAgain();
    else become('npx', ['vitest', 'run', ...args]);
  },
  bench: () => {
    build();
    become('node', ['--enable-source-maps', 'dist/cli/bench.js', ...args]);
  },
};

const start = tasks[task];
if (!start) {
  console.error(`unknown task "${task}"; there is ${Object.keys(tasks).join(', ')}`);
  process.exit(2);
}
install();
start();

/**
 * Installs when node_modules is absent or older than the lock file. Not `npm ci`: it refuses a lock file in which an optional
 * binary of another platform is missing, as a lock file made on one platform may have it. The versions are the lock's all the same.
 */
function install() {
  const mark = join(root, 'node_modules', '.package-lock.json');
  if (existsSync(mark) && statSync(mark).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs) return;
  say('installing packages (once)');
  run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error']);
}

/** Builds both halves, each only when a source is newer than the last build. */
function build() {
  if (
    stale('dist/.built', [
      'agent',
      'cli',
      'decide',
      'examples',
      'measure',
      'notify',
      'scale',
      'server',
      'simulate',
      'store',
      'tasks',
    ])
  ) {
    say('building the controller');
    run('npx', ['tsc', '-b', 'tsconfig.build.json']);
    mark('dist/.built');
  }
  if (existsSync(join(root, 'web', 'vite.config.ts')) && stale('web/dist/.built', ['web', 'server/api.ts'])) {
    say('building the dashboard');
    run('npx', ['vite', 'build', '--config', 'web/vite.config.ts', '--logLevel', 'warn']);
    mark('web/dist/.built');
  }
}

/** Types, lint, format, then the tests in checks/ (architecture, shapes, docs). */
function check() {
  say('checking types');
  run('npx', ['tsc', '--noEmit', '-p', 'tsconfig.json']);
  say('checking lint and format');
  run('npx', ['biome', 'check', '.']);
  if (task === 'check') run('npx', ['vitest', 'run', 'checks']);
}

/**
 * Every test; then what failed again, alone, up to twice: real browsers, brokers and killed processes share a small machine here.
 * An error that belongs to no file is all tests again. What fails each time has failed, and what failed once is named.
 */
function testAgain() {
  const list = join(mkdtempSync(join(tmpdir(), 'headcount-failed-')), 'files.json');
  const started = Date.now();
  let last = vitest([], { HEADCOUNT_FAILED_FILES: list });
  for (let more = 0; last !== 0 && more < mostRepetitions; more++) {
    if (!existsSync(list) || Date.now() - started > lastRepetitionMs) break;
    const failed = JSON.parse(readFileSync(list, 'utf8'));
    rmSync(list);
    if (failed.length > mostRepeated) break;
    const known = failed.length > 0 && !failed.includes(null);
    say(`once more, because of what failed in ${failed.map((path) => path ?? 'no file').join(', ')}`);
    last = vitest(known ? ['--max-workers=1', ...failed] : [], { HEADCOUNT_FAILED_FILES: list });
  }
  process.exit(last);
}

function vitest(more, env) {
  const { status } = spawnSync('npx', ['vitest', 'run', ...more], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  return status ?? 1;
}

function stale(stamp, sources) {
  const file = join(root, stamp);
  if (!existsSync(file)) return true;
  const built = Number(readFileSync(file, 'utf8'));
  return [...sources, 'package.json', 'tsconfig.base.json'].some(
    (source) => newest(join(root, source)) > built,
  );
}

function newest(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return 0;
  if (!stat.isDirectory()) return stat.mtimeMs;
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.name !== 'node_modules' && entry.name !== 'dist')
    .reduce((most, entry) => Math.max(most, newest(join(path, entry.name))), 0);
}

function mark(stamp) {
  mkdirSync(dirname(join(root, stamp)), { recursive: true });
  writeFileSync(join(root, stamp), String(Date.now()));
}

function run(command, commandArgs) {
  const { status } = spawnSync(command, commandArgs, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

/** Runs the last command and passes its end on. Ctrl-C reaches it by the terminal; a lone SIGTERM is passed on. */
function become(command, commandArgs) {
  const child = spawn(command, commandArgs, { cwd: root, stdio: 'inherit' });
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
}

function say(text) {
  process.stderr.write(`headcount: ${text}\n`);
}
