/** The part of the Platform API that scaling needs, and what the official command line asks beside it. */
import { randomUUID } from 'node:crypto';
import { accountJson, appJson, dynoJson, dynoSizeJson, formationJson, releaseJson } from './answers.ts';
import { planChanges } from './bounds.ts';
import type { Dyno } from './dyno.ts';
import { pageOf } from './pages.ts';
import type { Platform } from './platform.ts';
import { notFound, Refusal } from './refusal.ts';
import { objectOf, readConfig, readNewDyno, readUpdate, readUpdates, type Update } from './schema.ts';
import { dynoSizes, findSize } from './sizes.ts';

export interface Call {
  readonly method: string;
  /** Decoded parts of the path: `['apps', 'demo', 'formation']`. */
  readonly path: readonly string[];
  readonly range: string | undefined;
  body(): unknown;
}

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RouteSettings {
  readonly strict: boolean;
  readonly mostDynos: number;
  readonly webUrl: () => string;
  /** Heroku's own autoscaling, as api.metrics.heroku.com tells it. */
  readonly monitors: Record<string, unknown>[];
}

/** @throws Refusal */
export function route(platform: Platform, settings: RouteSettings, call: Call): Answer {
  const [root, name] = call.path;
  if (root === 'apps' && call.path.length > 1) {
    const { app } = platform;
    if (name !== app.name && name !== app.id) throw notFound('app');
    return routeApp(platform, settings, call, call.path.slice(2));
  }
  switch (`${call.method} /${call.path.join('/')}`) {
    case 'GET /account':
      return ok(accountJson());
    case 'GET /apps':
      return list([appJson(platform, settings.webUrl()) as object], call);
    case 'GET /dyno-sizes':
      return list(dynoSizes.map(dynoSizeJson), call);
    default:
  }
  const size = root === 'dyno-sizes' && call.path.length === 2 && findSize(name ?? '');
  if (size && call.method === 'GET') return ok(dynoSizeJson(size));
  throw notFound('resource');
}

function routeApp(platform: Platform, settings: RouteSettings, call: Call, rest: readonly string[]): Answer {
  const [part, which, last] = rest;
  const key = `${call.method} ${[part, which && '*', ...rest.slice(2)].filter(Boolean).join('/')}`;
  const scale = (updates: readonly Update[]): void =>
    platform.change(planChanges(platform, updates, settings.mostDynos));
  const formation = (): Answer => ok(platform.rows.map((row) => formationJson(platform, row)));
  switch (key.trim()) {
    case 'GET':
      return ok(appJson(platform, settings.webUrl()));
    case 'GET formation':
      return list(
        platform.rows.map((row) => formationJson(platform, row) as object),
        call,
      );
    case 'PATCH formation':
      scale(readUpdates(call.body(), settings.strict));
      return formation();
    case 'GET formation/*':
      return ok(formationJson(platform, platform.row(which ?? '')));
    case 'PATCH formation/*': {
      const row = platform.row(which ?? '');
      scale([{ type: row.type, ...readUpdate(call.body(), settings.strict) }]);
      return ok(formationJson(platform, row));
    }
    case 'GET available-dyno-sizes':
      return list(dynoSizes.map(dynoSizeJson), call);
    case 'GET releases':
      return list(
        platform.releases.map((release) => releaseJson(platform, release)),
        call,
      );
    case 'GET config-vars':
      return ok(platform.config);
    case 'PATCH config-vars':
      platform.configure(readConfig(call.body(), platform.config));
      return ok(platform.config);
    default:
  }
  if (part === 'dynos' || part === 'formations') return routeDynos(platform, call, key);
  if (`${part}/${which}/${last}` === 'formation/web/monitors') return routeMonitors(settings, call, rest[3]);
  throw notFound('resource');
}

function routeDynos(platform: Platform, call: Call, key: string): Answer {
  const which = call.path[3] ?? '';
  const ofType = (): Dyno[] =>
    platform.dynos().filter((dyno) => dyno.type === platform.row(which).type && !dyno.ending);
  const restart = (dynos: readonly Dyno[]): Answer => {
    platform.restart(dynos);
    return { status: 202, body: {} };
  };
  switch (key) {
    case 'GET dynos':
      return list(
        platform.dynos().map((dyno) => dynoJson(platform, dyno)),
        call,
      );
    case 'GET dynos/*':
      return ok(dynoJson(platform, platform.dyno(which)));
    case 'POST dynos': {
      const { command, type, size } = readNewDyno(call.body());
      const dyno = platform.run(command, type, size?.name ?? platform.rows[0]?.size ?? 'Standard-1X');
      return { status: 201, body: dynoJson(platform, dyno) };
    }
    case 'DELETE dynos':
      return restart(platform.dynos().filter((dyno) => !dyno.ending && !dyno.oneOff));
    case 'DELETE dynos/*':
    case 'POST dynos/*/actions/stop':
      return restart([platform.dyno(which)]);
    case 'DELETE formations/*':
    case 'POST formations/*/actions/stop':
      return restart(ofType());
    default:
      throw notFound('resource');
  }
}

function routeMonitors({ monitors }: RouteSettings, call: Call, id: string | undefined): Answer {
  if (call.method === 'GET') return ok(monitors);
  const given = objectOf(call.body(), 'body');
  if (call.method === 'POST') {
    if (monitors.length >= 10) throw new Refusal(409, 'conflict', 'There are too many monitors.');
    monitors.push({ id: randomUUID(), process_type: 'web', ...given });
    return { status: 201, body: monitors.at(-1) };
  }
  const monitor = monitors.find((one) => one.id === id);
  if (call.method !== 'PATCH' || !monitor) throw notFound('monitor');
  return ok(Object.assign(monitor, given));
}

function ok(body: unknown): Answer {
  return { status: 200, body };
}

function list(items: readonly object[], call: Call): Answer {
  return pageOf(items, call.range);
}
