/**
 * What headcount.yaml may say. zod finds what is wrong; this file turns it into sentences with the path of the key, its
 * line and column, and the nearest known word. Adapters' options are checked against their own description.
 */
import { z } from '@hono/zod-openapi';
import { problemsWith } from '../decide/choice.ts';
import { HeadcountError } from '../decide/errors.ts';
import { unknownName } from '../decide/options.ts';
import { checkManager } from '../decide/registry.ts';
import type { Choice } from '../decide/words.ts';
import { appName, processType } from './api.ts';
import { tells } from './api-issues.ts';
import type { Path, Place } from './config-text.ts';
import { problemsWithNetworks } from './guard.ts';
import { type Kinds, shippedKinds } from './kinds.ts';
import { problemsWithChannel } from './outbox.ts';
import { hidden } from './settings.ts';

const optionValue = z.union([z.string(), z.number(), z.boolean()]);
const rawChoice = z.object({ use: z.string() }).catchall(optionValue);
const count = z.number().int().min(0).max(10_000);

const network = z.string().refine((text) => problemsWithNetworks([text]).length === 0, {
  error: 'a network as 10.0.0.0/8, or one address',
});

const managerShape = {
  minimum: count.default(0),
  maximum: count,
  paused: z.boolean().optional(),
  dryRun: z.boolean().optional(),
  meters: z.array(rawChoice).max(20).optional(),
  rules: z.array(rawChoice).max(10).optional(),
  limits: z.array(rawChoice).max(20).optional(),
  combine: z.string().max(500).optional(),
};
const appShape = {
  url: z
    .url({ protocol: /^https?$/ })
    .max(2_000)
    .optional(),
  fleet: rawChoice.optional(),
  managers: z.record(processType, z.strictObject(managerShape)).optional(),
};
const channelShape = {
  notifier: rawChoice,
  tells: z.strictObject(tells.shape).prefault({}),
};
const kedaShape = {
  port: z.number().int().min(0).max(65_535),
  host: z.string().min(1).max(255).optional(),
  token: z.string().min(8).max(200).optional(),
};
const singleSignOnShape = {
  name: z.string().trim().min(1).max(60),
  issuer: z.url({ protocol: /^https?$/ }).max(2_000),
  clientId: z.string().min(1).max(500),
  clientSecret: z.string().min(1).max(2_000),
};
const configShape = {
  port: z.number().int().min(0).max(65_535).optional(),
  host: z.string().min(1).max(255).optional(),
  data: z.string().min(1).max(4_000).optional(),
  publicUrl: z
    .url({ protocol: /^https?$/ })
    .max(2_000)
    .optional(),
  intervalSeconds: z.number().min(1).max(3_600).optional(),
  allowPrivateAddresses: z.union([z.boolean(), z.array(network).max(100)]).optional(),
  metricsToken: z.string().min(16).max(200).optional(),
  metricsOpen: z.boolean().optional(),
  keda: z.strictObject(kedaShape).optional(),
  singleSignOn: z.strictObject(singleSignOnShape).optional(),
  apps: z.record(appName, z.strictObject(appShape)).optional(),
  channels: z.record(z.string().trim().min(1).max(80), z.strictObject(channelShape)).optional(),
};
const config = z.strictObject(configShape);

export type RawConfig = z.infer<typeof config>;
export type RawChoice = z.infer<typeof rawChoice>;

/** @throws HeadcountError CONFIG_INVALID with every problem of the file, and with those that were `found` before */
export function checkShape(
  value: unknown,
  file: string,
  placeOf: (path: Path) => Place | undefined,
  kinds: Kinds = shippedKinds,
  found: readonly Problem[] = [],
): RawConfig {
  const parsed = config.safeParse(value);
  const more = parsed.success
    ? [...adapterProblems(parsed.data, kinds), ...channelProblems(parsed.data, kinds)]
    : parsed.error.issues.flatMap((issue) => sentences(issue));
  // What is wrong with a text that is not there yet is not worth a second sentence.
  const problems = [...found, ...more.filter(({ path }) => !found.some((one) => isBelow(one.path, path)))];
  if (parsed.success && problems.length === 0) return parsed.data;
  const places = problems.map(({ path, at, text }) => {
    const place = placeOf(at ?? path);
    const where = place ? `line ${place.line}, column ${place.column}, ` : '';
    return `${where}${path.length > 0 ? `${written(path)}: ` : ''}${text}`;
  });
  throw new HeadcountError(
    'CONFIG_INVALID',
    `The configuration ${file} is wrong`,
    places.slice(0, 10).join('; '),
    places.length > 1 ? 'Mend these lines.' : 'Mend that line.',
  );
}

interface Problem {
  readonly path: Path;
  /** Where it stands, where that is nearer than `path`. */
  readonly at?: Path;
  readonly text: string;
}

function isBelow(path: Path, above: Path): boolean {
  return above.every((part, index) => part === path[index]);
}

function sentences(issue: z.core.$ZodIssue): Problem[] {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      path: [...path, key],
      text: unknownName('key', key, knownKeys(path)),
    }));
  if (issue.code === 'invalid_key') {
    const name = String(path.at(-1));
    return [{ path, text: `"${name}" is no good name: ${issue.issues[0]?.message ?? 'see the docs'}` }];
  }
  if (issue.code === 'invalid_type' && issue.message.endsWith('received undefined'))
    return [{ path, text: `it is missing; write a ${issue.expected}` }];
  return [{ path, text: issue.message }];
}

/** Which keys may stand at this place: the file, an app, a manager, a channel and what it tells. */
function knownKeys(path: Path): string[] {
  if (path.length === 0) return Object.keys(configShape);
  if (path[0] === 'keda') return Object.keys(kedaShape);
  if (path[0] === 'singleSignOn') return Object.keys(singleSignOnShape);
  if (path[0] === 'channels') return Object.keys(path.length === 2 ? channelShape : tells.shape);
  return Object.keys(path.length === 2 ? appShape : managerShape);
}

function channelProblems(raw: RawConfig, kinds: Kinds): Problem[] {
  return Object.entries(raw.channels ?? {}).flatMap(([name, { notifier, tells: told }]) => {
    const path = ['channels', name];
    const { quiet, apps, ...rest } = told;
    const settings = { ...rest, ...(quiet && { quiet }), ...(apps && { apps }) };
    const whole = problemsWithChannel(kinds.notifiers, { notifier: split(notifier), tells: settings });
    const choice = choiceProblems([...path, 'notifier'], 'notifier', kinds.notifiers, notifier);
    const ofChoice = problemsWith('notifier', kinds.notifiers, split(notifier));
    const others = whole.filter((text) => !ofChoice.includes(text));
    return [...choice, ...others.map((text) => ({ path: [...path, 'tells'], text }))];
  });
}

function adapterProblems(raw: RawConfig, kinds: Kinds): Problem[] {
  return Object.entries(raw.apps ?? {}).flatMap(([name, app]) => [
    ...(app.fleet ? choiceProblems(['apps', name, 'fleet'], 'fleet', kinds.fleets, app.fleet) : []),
    ...Object.entries(app.managers ?? {}).flatMap(([type, manager]) => {
      const path = ['apps', name, 'managers', type];
      const all = (key: 'meters' | 'rules' | 'limits', what: string): Problem[] =>
        (manager[key] ?? []).flatMap((choice, index) =>
          choiceProblems([...path, key, index], what, kinds[key], choice),
        );
      const placed = [...all('meters', 'meter'), ...all('rules', 'rule'), ...all('limits', 'limit')];
      const whole = checkManager({
        processType: type,
        minimum: manager.minimum,
        maximum: manager.maximum,
        paused: false,
        rules: (manager.rules ?? []).map(split),
        limits: (manager.limits ?? []).map(split),
        ...(manager.combine !== undefined && { combine: manager.combine }),
      });
      const rest = whole.filter((text) => !placed.some((problem) => problem.text === text));
      return [...placed, ...rest.map((text) => ({ path, text }))];
    }),
  ]);
}

function choiceProblems(
  path: Path,
  what: string,
  kinds: Parameters<typeof problemsWith>[1],
  raw: RawChoice,
): Problem[] {
  // Dots stand for a secret that only the controller knows: what else is wrong with the choice is told by it.
  const known = Object.values(raw).includes(hidden)
    ? kinds.map(({ use, options }) => ({ use, options }))
    : kinds;
  return problemsWith(what, known, split(raw)).map((text) => {
    const option = /option "([^"]+)"/.exec(text)?.[1];
    const key = /^unknown/.test(text) ? 'use' : option;
    return key !== undefined && Object.hasOwn(raw, key) ? { path, at: [...path, key], text } : { path, text };
  });
}

function split({ use, ...options }: RawChoice): Choice {
  return { use, options };
}

/** `apps.catalogue.managers.worker.rules[0]` */
function written(path: Path): string {
  return path
    .map((part, at) => (typeof part === 'number' ? `[${part}]` : at > 0 ? `.${part}` : part))
    .join('');
}
