/**
 * Reads the managers of an account from HireFire's management API (`https://api.hirefire.io`, version 1) and turns them into ours.
 * Facts: its API documentation, and carwow's Terraform provider, which works with it. Lists below a resource are documented for
 * applications and managers; time ranges are asked for in the same way, and when there is no such list that is said.
 */
import { HeadcountError } from '../../server/errors.ts';
import { fetchJson } from './fetch-json.ts';
import { type Application, type RawManager, toApp } from './hirefire-manager.ts';
import { appNameOf, type Plan, type PlannedApp } from './plan.ts';

export interface HirefireOptions {
  readonly api: string;
  readonly key: string;
  /** Only this application. */
  readonly app?: string;
}

type Fields = Readonly<Record<string, unknown>>;

const applicationsMaximum = 500;

/** @throws HeadcountError IMPORT_FAILED, NOT_FOUND */
export async function readHirefire(options: HirefireOptions): Promise<Plan> {
  const list = (path: string, name: string) => listOf(options, path, name);
  const all = (await list('/applications', 'applications')) ?? [];
  const wanted = all.filter(({ name }) => options.app === undefined || name === options.app);
  if (wanted.length === 0) throw nothingThere(options.app, all);
  const zones = await zonesOf(list);
  const left: string[] = [];
  const apps: PlannedApp[] = [];
  for (const application of wanted.slice(0, applicationsMaximum)) {
    const managers = (await list(`/applications/${application.id}/managers`, 'managers')) ?? [];
    const withRanges: RawManager[] = [];
    for (const manager of managers) {
      const ranges = await list(`/managers/${manager.id}/time_ranges`, 'time_ranges');
      withRanges.push({ fields: manager, ...(ranges && { ranges }) });
    }
    const zone = zones.get(String(application.account_id));
    const raw: Application = { fields: application, ...(zone !== undefined && { timeZone: zone }) };
    apps.push(toApp(appNameOf(String(application.name), left), raw, withRanges, left));
  }
  return { apps, left };
}

/** The time zone of an account is that of its organization. */
async function zonesOf(
  list: (path: string, name: string) => Promise<Fields[] | undefined>,
): Promise<Map<string, string>> {
  const organizations = (await list('/organizations', 'organizations')) ?? [];
  const accounts = (await list('/accounts', 'accounts')) ?? [];
  return new Map(
    accounts.flatMap(({ id, organization_id }) => {
      const zone = organizations.find((organization) => organization.id === organization_id)?.time_zone;
      return typeof zone === 'string' ? [[String(id), zone] as const] : [];
    }),
  );
}

/** Nothing where there is no such list. */
async function listOf(
  { api, key }: HirefireOptions,
  path: string,
  name: string,
): Promise<Fields[] | undefined> {
  const answer = await fetchJson({
    url: `${api.replace(/\/+$/, '')}${path}`,
    headers: { accept: 'application/vnd.hirefire.v1+json', authorization: `Token ${key}` },
    service: 'HireFire',
    secret: key,
  });
  if (answer === undefined) return undefined;
  const list = (answer as Fields | null)?.[name];
  if (Array.isArray(list) && list.every((entry) => typeof entry === 'object' && entry !== null)) return list;
  throw new HeadcountError(
    'IMPORT_FAILED',
    'HireFire answered in a way that is not understood',
    `${path} has no list named "${name}"`,
    'Is --api the address of its API? Nothing was changed.',
  );
}

function nothingThere(app: string | undefined, all: readonly Fields[]): HeadcountError {
  const names = all.map(({ name }) => `"${name}"`).join(', ');
  return new HeadcountError(
    'NOT_FOUND',
    app === undefined ? 'There is nothing to import' : `There is no application "${app}" at HireFire`,
    names === '' ? 'the account has no application' : `there is ${names}`,
    'Take one of them, or another key.',
  );
}
