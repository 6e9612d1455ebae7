/**
 * What a controller has, as headcount.yaml. A secret is written as the name of an environment variable, made from where it
 * stands: `${SHOP_WORKER_CELERY_REDIS_URL}`. Tokens, holds and what was learned are no configuration and are left out.
 */
import { stringify } from 'yaml';
import type { App, Choice } from '../../server/api.ts';
import type { Channel } from '../../server/api-issues.ts';
import { escaped } from '../../server/config-text.ts';
import { hidden } from '../../server/settings.ts';

export interface Written {
  readonly yaml: string;
  /** Variables that stand for secrets, in the order of the file. */
  readonly variables: readonly string[];
}

export function written(apps: readonly App[], channels: readonly Channel[]): Written {
  const variables: string[] = [];
  const namer = nameFor(variables);
  const value = {
    apps: Object.fromEntries(apps.map((app) => [app.name, appOf(app, namer)])),
    channels: Object.fromEntries(channels.map((channel) => [channel.name, channelOf(channel, namer)])),
  };
  return { yaml: `${headOf(variables)}${stringify(value, { lineWidth: 0 })}`, variables };
}

type Namer = (...place: string[]) => string;

function appOf({ name, url, fleet, managers }: App, namer: Namer): Record<string, unknown> {
  return {
    ...(url !== undefined && { url: escaped(url) }),
    fleet: flat(fleet, namer, name, 'fleet'),
    managers: Object.fromEntries(
      managers.map(({ processType, minimum, maximum, paused, dryRun, meters, rules, limits, combine }) => {
        const all = (choices: readonly Choice[]) =>
          choices.map((choice) => flat(choice, namer, name, processType, choice.use));
        const settings = {
          minimum,
          maximum,
          ...(paused && { paused }),
          ...(dryRun && { dryRun }),
          ...(meters.length > 0 && { meters: all(meters) }),
          // Without them there would be one: the rule that stands where nothing is said.
          ...((meters.length > 0 || rules.length > 0) && { rules: all(rules) }),
          ...(limits.length > 0 && { limits: all(limits) }),
          ...(combine !== undefined && { combine: escaped(combine) }),
        };
        return [processType, settings];
      }),
    ),
  };
}

function channelOf({ name, notifier, tells }: Channel, namer: Namer): Record<string, unknown> {
  return { notifier: flat(notifier, namer, name, notifier.use), tells };
}

function flat({ use, options }: Choice, namer: Namer, ...place: string[]): Record<string, unknown> {
  const shown = Object.entries(options).map(([option, value]) => {
    if (value === hidden) return [option, `\${${namer(...place, option)}}`];
    return [option, typeof value === 'string' ? escaped(value) : value];
  });
  return { use, ...Object.fromEntries(shown) };
}

function nameFor(taken: string[]): Namer {
  return (...place) => {
    const words = place
      .join('_')
      .toUpperCase()
      .replace(/[^A-Z0-9]+/g, '_');
    const base = /^[0-9]/.test(words) ? `_${words}` : words;
    let name = base;
    for (let count = 2; taken.includes(name); count++) name = `${base}_${count}`;
    taken.push(name);
    return name;
  };
}

function headOf(variables: readonly string[]): string {
  if (variables.length === 0) return '';
  return [
    '# Secrets are not written out. Set these where this file is used for a new controller; where they are not',
    '# set, "headcount apply" leaves the secrets as they are:',
    ...variables.map((name) => `#   ${name}`),
    '',
  ].join('\n');
}
