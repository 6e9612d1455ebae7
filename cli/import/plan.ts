/** What an import would create: apps with managers, and everything that could not be carried over, each as a sentence. */
import { stringify } from 'yaml';
import type { App, Choice } from '../../server/api.ts';
import { checkShape } from '../../server/config-shape.ts';
import { HeadcountError } from '../../server/errors.ts';
import { call, type Target } from '../call.ts';

/** Everything that the services know about a manager. */
export interface PlannedManager {
  readonly processType: string;
  readonly minimum: number;
  readonly maximum: number;
  readonly paused: boolean;
  readonly meters: Choice[];
  readonly rules: Choice[];
  readonly limits: Choice[];
}

export interface PlannedApp {
  readonly name: string;
  readonly url?: string;
  readonly managers: readonly PlannedManager[];
}

export interface Plan {
  readonly apps: readonly PlannedApp[];
  /** "shop, worker: notify_quantity (5) is not carried over: …" */
  readonly left: readonly string[];
}

/** As headcount.yaml, checked as the controller checks it. What was left behind stands above as comments. */
export function yamlOf({ apps, left }: Plan, from: string): string {
  const value = {
    apps: Object.fromEntries(
      apps.map(({ name, url, managers }) => [
        name,
        {
          ...(url !== undefined && { url }),
          managers: Object.fromEntries(
            managers.map(({ processType, minimum, maximum, paused, meters, rules, limits }) => [
              processType,
              {
                minimum,
                maximum,
                ...(paused && { paused }),
                meters: meters.map(flat),
                rules: rules.map(flat),
                ...(limits.length > 0 && { limits: limits.map(flat) }),
              },
            ]),
          ),
        },
      ]),
    ),
  };
  checkShape(value, 'of the import', () => undefined);
  const comments = [
    `Imported from ${from}. Without a fleet each app is a dry run: nothing is started or stopped.`,
    ...(left.length > 0 ? ['', 'Not carried over, or to be looked at:'] : []),
    ...left.map((line) => `- ${line}`),
  ];
  const head = comments.map((line) => `# ${line}`.trimEnd()).join('\n');
  return `${head}\n${stringify(value, { lineWidth: 0 })}`;
}

/** Creates what is not there yet; what is there is left as it is. Answers a line for each. */
export async function apply({ apps }: Plan, target: Target): Promise<string[]> {
  const there = await call<App[]>(target, 'GET', '/api/apps');
  const lines: string[] = [];
  for (const { name, url, managers } of apps) {
    const known = there.find((app) => app.name === name);
    if (!known) await call(target, 'POST', '/api/apps', { name, ...(url !== undefined && { url }) });
    lines.push(known ? `app ${name}: was there already` : `app ${name}: created, as a dry run`);
    for (const manager of managers) {
      const taken = known?.managers.some(({ processType }) => processType === manager.processType);
      if (!taken) await call(target, 'POST', `/api/apps/${name}/managers`, manager);
      lines.push(
        `manager ${name} ${manager.processType}: ${taken ? 'was there already, left as it is' : 'created'}`,
      );
    }
  }
  return lines;
}

const namePattern = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** The name as an app here may have it, with a sentence when it had to be changed. */
export function appNameOf(name: string, left: string[]): string {
  if (namePattern.test(name)) return name;
  const made = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63);
  if (!namePattern.test(made))
    throw new HeadcountError(
      'IMPORT_FAILED',
      `The app "${name}" cannot be imported`,
      'its name has no letter or digit',
      'Rename it there, or add it here by hand.',
    );
  left.push(`the app "${name}" is named "${made}" here`);
  return made;
}

export function isProcessType(name: string): boolean {
  return /^[a-zA-Z][a-zA-Z0-9_-]{0,62}$/.test(name);
}

/** One limit, or none when it would limit nothing. */
export function limitOf(use: string, options: Record<string, number | string | undefined>): Choice[] {
  const given = Object.entries(options).filter(([, value]) => value !== undefined && value !== 0);
  return given.length > 0 ? [{ use, options: Object.fromEntries(given) as Choice['options'] }] : [];
}

function flat({ use, options }: Choice): Record<string, unknown> {
  return { use, ...options };
}
