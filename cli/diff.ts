/** `headcount diff`: what `headcount apply` would change. As with diff(1): 0 nothing, 1 something, 2 trouble. */
import type { App } from '../server/api.ts';
import type { Channel } from '../server/api-issues.ts';
import { loadConfig } from '../server/config.ts';
import { HeadcountError } from '../server/errors.ts';
import { call, type Target } from './call.ts';
import { type Plan, planFor } from './configuration/plan.ts';
import type { Held } from './configuration/secrets.ts';
import { type TargetOptions, targetOf } from './configuration/target.ts';

export interface DiffOptions extends TargetOptions {
  readonly file: string;
  readonly prune?: boolean;
}

const trouble = 2;
const askedAtOnceCount = 1_000;

export async function diff(options: DiffOptions): Promise<number> {
  try {
    const { plan } = await look(options);
    console.log(described(plan) || 'No differences.');
    return plan.changes.length > 0 ? 1 : 0;
  } catch (error) {
    if (!(error instanceof HeadcountError)) throw error;
    process.stderr.write(`headcount: ${error.message}\n`);
    return trouble;
  }
}

/** @throws HeadcountError CONFIG_UNREADABLE, CONFIG_INVALID, CONTROLLER_UNREACHABLE */
export async function look(options: DiffOptions): Promise<{ target: Target; plan: Plan }> {
  // The file first: what cannot be read needs no controller.
  const config = await loadConfig(options.file, { keepSecrets: true });
  const target = await targetOf(options);
  const [apps, channels] = await Promise.all([
    call<App[]>(target, 'GET', '/api/apps'),
    call<Channel[]>(target, 'GET', '/api/channels'),
  ]);
  const there = { apps, channels };
  const held: Held[] = [];
  planFor(config, there, false, (one) => held.push(one) === 0);
  const same = await compare(target, held);
  return { target, plan: planFor(config, there, options.prune ?? false, (one) => same.has(keyOf(one))) };
}

/** Lines for people; empty when nothing differs and nothing is left out. */
export function described({ changes, unnamed }: Plan): string {
  const marks = { create: '+', change: '~', remove: '-' } as const;
  const counts = (['create', 'change', 'remove'] as const).map(
    (action) => `${changes.filter((change) => change.action === action).length} to ${action}`,
  );
  return [
    ...changes.flatMap(({ action, kind, name, lines }) => [
      `${marks[action]} ${kind} ${name}${action === 'remove' && kind === 'app' ? ' (its processes are stopped)' : ''}`,
      ...lines.map((line) => `    ${line}`),
    ]),
    ...(changes.length > 0 ? [`${counts.join(', ')}.`] : []),
    ...(unnamed.length > 0 ? [`Not in the file, left alone without --prune: ${unnamed.join(', ')}.`] : []),
  ].join('\n');
}

async function compare(target: Target, held: readonly Held[]): Promise<Set<string>> {
  const same = new Set<string>();
  for (let at = 0; at < held.length; at += askedAtOnceCount) {
    const some = held.slice(at, at + askedAtOnceCount);
    const answers = await call<boolean[]>(target, 'POST', '/api/configuration/secrets', some);
    for (const [index, one] of some.entries()) if (answers[index]) same.add(keyOf(one));
  }
  return same;
}

function keyOf({ app, processType, channel, side, index, option }: Held): string {
  return JSON.stringify([app, processType, channel, side, index, option]);
}
