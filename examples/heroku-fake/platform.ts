/**
 * The one app that the fake has: its formation, its dynos, its releases and its config, and what happens when they change.
 *
 * Lowering a quantity ends the highest numbers. A new dyno takes the lowest free number. Restarting gives a new dyno the
 * same name at once, while the old process still has its grace time. What ends stays in the list as `down` until its
 * process is gone, unless `hideEnding`: whether Heroku shows it is not documented, so a fleet must bear both.
 */
import type { Clock, Dyno, StartBody } from './dyno.ts';
import { createDynos, newStats, type Stats } from './dynos.ts';
import { stableId } from './ids.ts';
import { notFound } from './refusal.ts';

export interface FormationRow {
  readonly id: string;
  readonly type: string;
  readonly command: string;
  readonly createdAt: number;
  quantity: number;
  size: string;
  updatedAt: number;
}

export interface Release {
  readonly version: number;
  readonly at: number;
  readonly description: string;
}

export interface PlatformOptions {
  readonly app: string;
  /** Process type to command. */
  readonly procfile: Readonly<Record<string, string>>;
  readonly size: string;
  readonly clock: Clock;
  readonly bootMs: number;
  readonly graceMs: number;
  readonly hideEnding: boolean;
  readonly config: Readonly<Record<string, string>>;
  startBody(config: () => Readonly<Record<string, string>>): StartBody;
  log(source: string, dyno: string, text: string): void;
}

export interface Change {
  readonly row: FormationRow;
  readonly quantity: number;
  readonly size: string;
}

export interface Platform {
  readonly app: { readonly id: string; readonly name: string; readonly createdAt: number };
  readonly rows: readonly FormationRow[];
  readonly releases: readonly Release[];
  readonly stats: Stats;
  config: Readonly<Record<string, string>>;
  row(typeOrId: string): FormationRow;
  dynos(): Dyno[];
  dyno(nameOrId: string): Dyno;
  change(changes: readonly Change[]): void;
  restart(which: readonly Dyno[]): void;
  run(command: string, type: string, size: string): Dyno;
  configure(config: Readonly<Record<string, string>>): void;
  /** Ends everything; resolves when no process is left. */
  close(): Promise<void>;
}

const mostReleases = 1_000;

export function createPlatform(options: PlatformOptions): Platform {
  const { clock, app } = options;
  const born = clock.now();
  const releases: Release[] = [{ version: 1, at: born, description: 'Initial release' }];
  const rows = Object.entries(options.procfile).map(([type, command]) => {
    const about = { id: stableId(`${app} ${type}`), type, command, size: options.size };
    return { ...about, createdAt: born, updatedAt: born, quantity: 0 };
  });
  const version = (): number => releases.at(-1)?.version ?? 1;
  const stats = newStats();
  const startBody = options.startBody(() => platform.config);
  const dynos = createDynos({ ...options, stats, startBody, version });
  const change = ({ row, quantity, size }: Change): void => {
    if (row.quantity === quantity && row.size === size) return;
    const resized = row.size !== size;
    Object.assign(row, { quantity, size, updatedAt: clock.now() });
    for (const dyno of dynos
      .ofType(row.type)
      .slice(resized ? 0 : quantity)
      .reverse())
      dynos.fire(dyno);
    while (dynos.ofType(row.type).length < quantity) dynos.hire({ ...row, oneOff: false });
  };
  const platform: Platform = {
    app: { id: stableId(`app ${app}`), name: app, createdAt: born },
    rows,
    releases,
    stats,
    config: options.config,
    row: (typeOrId) => find(rows, (row) => row.type === typeOrId || row.id === typeOrId, 'process type'),
    dynos: dynos.list,
    dyno: (nameOrId) => find(dynos.living(), ({ name, id }) => name === nameOrId || id === nameOrId, 'dyno'),
    change(changes) {
      stats.scaleCalls += 1;
      changes.forEach(change);
    },
    restart: (which) => which.forEach(dynos.restart),
    run: (command, type, size) => dynos.hire({ type, command, size, oneOff: true }),
    configure(config) {
      platform.config = config;
      releases.push({ version: version() + 1, at: clock.now(), description: 'Set config vars' });
      if (releases.length > mostReleases) releases.shift();
      platform.restart(dynos.living().filter(({ oneOff }) => !oneOff));
    },
    async close() {
      for (const row of rows) row.quantity = 0;
      await dynos.close();
    },
  };
  return platform;
}

function find<T>(list: readonly T[], is: (one: T) => boolean, what: string): T {
  const found = list.find(is);
  if (found === undefined) throw notFound(what);
  return found;
}
