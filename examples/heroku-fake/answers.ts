/** The platform's things as the Platform API shows them. */
import type { Dyno } from './dyno.ts';
import { stableId } from './ids.ts';
import type { FormationRow, Platform, Release } from './platform.ts';
import { type DynoSize, findSize } from './sizes.ts';

const owner = { id: stableId('owner'), email: 'owner@example.com' };

export function accountJson(): unknown {
  const times = { created_at: '2012-01-01T12:00:00Z', updated_at: '2012-01-01T12:00:00Z' };
  return { ...owner, ...times, name: 'Owner', verified: true, beta: false, delinquent_at: null };
}

export function appJson({ app, config, releases }: Platform, webUrl: string): unknown {
  const at = iso(app.createdAt);
  return {
    ...appName(app),
    created_at: at,
    updated_at: at,
    released_at: iso(releases.at(-1)?.at ?? app.createdAt),
    archived_at: null,
    acm: false,
    generation: { id: stableId('cedar'), name: 'cedar' },
    git_url: `https://git.heroku.com/${app.name}.git`,
    maintenance: config.MAINTENANCE === 'on',
    owner,
    organization: null,
    team: null,
    space: null,
    region: { id: stableId('us'), name: 'us' },
    stack: { id: stableId('heroku-24'), name: 'heroku-24' },
    build_stack: { id: stableId('heroku-24'), name: 'heroku-24' },
    buildpack_provided_description: 'Node.js',
    internal_routing: null,
    repo_size: 0,
    slug_size: 0,
    web_url: webUrl,
  };
}

export function formationJson({ app }: Platform, row: FormationRow): unknown {
  return {
    app: appName(app),
    command: row.command,
    created_at: iso(row.createdAt),
    dyno_size: { id: findSize(row.size)?.id, name: row.size },
    id: row.id,
    quantity: row.quantity,
    size: row.size,
    type: row.type,
    updated_at: iso(row.updatedAt),
  };
}

export function dynoJson({ app }: Platform, dyno: Dyno): { id: string; name: string } {
  const more = {
    attach_url: null,
    command: dyno.command,
    created_at: iso(dyno.createdAt),
    release: { id: stableId(`release ${dyno.release}`), version: dyno.release },
    app: appName(app),
    size: dyno.size,
    state: dyno.state,
    type: dyno.type,
    updated_at: iso(dyno.updatedAt),
  };
  return { id: dyno.id, name: dyno.name, ...more };
}

export function releaseJson({ app, releases }: Platform, release: Release): { id: string; version: number } {
  const at = iso(release.at);
  const more = {
    app: appName(app),
    created_at: at,
    updated_at: at,
    description: release.description,
    addon_plan_names: [],
    slug: null,
    status: 'succeeded',
    user: owner,
    current: release === releases.at(-1),
    output_stream_url: null,
  };
  return { id: stableId(`release ${release.version}`), version: release.version, ...more };
}

export function dynoSizeJson(size: DynoSize): { id: string; name: string } {
  const more = {
    architecture: 'amd64',
    compute: size.dedicated ? 2 : 1,
    cost: { cents: size.cents, unit: 'month' },
    dedicated: size.dedicated,
    generation: { id: stableId('cedar'), name: 'cedar' },
    memory: 0.5,
    precise_dyno_units: 1,
    private_space_only: size.name.startsWith('Private'),
  };
  return { id: size.id, name: size.name, ...more };
}

function appName({ id, name }: Platform['app']): { id: string; name: string } {
  return { id, name };
}

/** Heroku's times have whole seconds. */
function iso(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
}
