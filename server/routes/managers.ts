/** Managers: add, show, change, remove, hold, and evaluate. */
import { createRoute, z } from '@hono/zod-openapi';
import { HeadcountError } from '../../decide/errors.ts';
import { explain } from '../../decide/explain.ts';
import type { App, StoredManager } from '../../store/store.ts';
import { roleTooLow } from '../access/gate.ts';
import { atLeast } from '../access/table.ts';
import {
  appName,
  type Evaluation,
  evaluation,
  hold,
  type Manager,
  type ManagerChange,
  manager,
  managerChange,
  managerSettings,
  processType,
} from '../api.ts';
import { withDefaults } from '../config.ts';
import { notFound } from '../problem.ts';
import { addressesOf } from '../reach.ts';
import { type Deps, failures, json, nothing, type Routes } from '../request.ts';
import { checkManagerSettings, presentManager, restoreSecrets } from '../settings.ts';
import { findApp } from './apps.ts';

const params = z.object({ app: appName, processType });
const path = '/api/apps/{app}/managers/{processType}';
const tags = ['managers'];

export function managerRoutes(api: Routes, deps: Deps): void {
  createRoutes(api, deps);
  changeRoutes(api, deps);
  holdRoutes(api, deps);
  evaluateRoute(api, deps);
}

function createRoutes(api: Routes, deps: Deps): void {
  const { store, rounds, kinds } = deps;

  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/apps/{app}/managers',
      tags,
      summary: 'Add a manager for a process type',
      request: {
        params: z.object({ app: appName }),
        body: { required: true, ...json(managerSettings, 'With meters and no rules: the wait-goal rule.') },
      },
      responses: { 201: json(manager, 'The manager.'), ...failures },
    }),
    async (c) => {
      const app = await findApp(deps, c.req.valid('param').app);
      const settings = withDefaults(defined(c.req.valid('json')));
      checkManagerSettings(kinds, settings);
      await deps.outreach?.judge(addressesOf(settings.meters));
      const created = await store.managers.create(app.id, settings, deps.now());
      await rounds.refresh(app.name);
      return c.json(show(deps, app, created), 201);
    },
  );

  api.openapi(
    createRoute({
      method: 'get',
      path,
      tags,
      summary: 'One manager',
      request: { params },
      responses: { 200: json(manager, 'The manager.'), ...failures },
    }),
    async (c) => {
      const { app, stored } = await findManager(deps, c.req.valid('param'));
      return c.json(show(deps, app, stored), 200);
    },
  );
}

function changeRoutes(api: Routes, deps: Deps): void {
  const { store, rounds } = deps;

  api.openapi(
    createRoute({
      method: 'patch',
      path,
      tags,
      summary: 'Change the meters, rules, limits, formula or bounds of a manager, or pause it',
      request: { params, body: { required: true, ...json(managerChange, 'What is absent stays.') } },
      responses: { 200: json(manager, 'The manager.'), ...failures },
    }),
    async (c) => {
      const { app, stored } = await findManager(deps, c.req.valid('param'));
      const asked = c.req.valid('json');
      const { role } = c.get('access');
      if (
        Object.keys(defined(asked)).some((name) => name !== 'paused' && name !== 'dryRun') &&
        !atLeast(role, 'admin')
      )
        throw roleTooLow('admin');
      const { change } = await changedSettings(deps, stored, asked);
      const updated = await store.managers.update(stored.id, change);
      await rounds.refresh(app.name);
      return c.json(show(deps, app, updated), 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'delete',
      path,
      tags,
      summary: 'Remove a manager and its history; its processes stay as they are',
      request: { params },
      responses: { 204: nothing, ...failures },
    }),
    async (c) => {
      const { app, stored } = await findManager(deps, c.req.valid('param'));
      await store.managers.remove(stored.id);
      await rounds.refresh(app.name);
      return c.body(null, 204);
    },
  );
}

/**
 * A change as it may be saved, with the stored secrets where dots came back, and what the manager would be with it.
 *
 * @throws HeadcountError OPTION_INVALID, ADDRESS_REFUSED
 */
export async function changedSettings(
  { kinds, outreach }: Pick<Deps, 'kinds' | 'outreach'>,
  stored: StoredManager,
  asked: ManagerChange,
) {
  const change = defined(asked);
  for (const side of ['meters', 'rules', 'limits'] as const) {
    const given = change[side];
    if (given) change[side] = restoreSecrets(kinds, side, given, stored[side]);
  }
  const { rules, limits, meters, minimum, maximum, paused, combine } = { ...stored, ...change };
  const settings = {
    processType: stored.processType,
    rules,
    limits,
    meters,
    minimum,
    maximum,
    paused,
    ...(combine && { combine }),
  };
  checkManagerSettings(kinds, settings);
  if (change.meters) await outreach?.judge(addressesOf(change.meters));
  return { change, settings };
}

function holdRoutes(api: Routes, deps: Deps): void {
  api.openapi(
    createRoute({
      method: 'put',
      path: `${path}/hold`,
      tags,
      summary: 'Keep a count, whatever the rules want',
      request: { params, body: { required: true, ...json(hold, '`by` is set to who asks.') } },
      responses: { 200: json(manager, 'The manager.'), ...failures },
    }),
    async (c) => {
      const { app, stored } = await findManager(deps, c.req.valid('param'));
      const { count, until } = c.req.valid('json');
      if (until !== undefined && until <= deps.now()) throw holdIsOver();
      const by = c.get('person')?.name;
      const updated = await deps.store.managers.update(stored.id, {
        hold: { count, ...(until !== undefined && { until }), ...(by && { by }) },
      });
      await takeEffect(deps, app.name);
      return c.json(show(deps, app, updated), 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'delete',
      path: `${path}/hold`,
      tags,
      summary: 'End a hold',
      request: { params },
      responses: { 200: json(manager, 'The manager.'), ...failures },
    }),
    async (c) => {
      const { app, stored } = await findManager(deps, c.req.valid('param'));
      const updated = await deps.store.managers.update(stored.id, { hold: null });
      await takeEffect(deps, app.name);
      return c.json(show(deps, app, updated), 200);
    },
  );
}

/** A person who overrules a number means now, not at the next checkup. Its answer does not wait for the platform's. */
async function takeEffect({ rounds }: Deps, app: string): Promise<void> {
  await rounds.refresh(app);
  void rounds.checkUp(app);
}

function evaluateRoute(api: Routes, deps: Deps): void {
  api.openapi(
    createRoute({
      method: 'post',
      path: `${path}/evaluate`,
      tags,
      summary: 'Measure and decide now; change and record nothing',
      request: { params },
      responses: { 200: json(evaluation, 'What a checkup would decide.'), ...failures },
    }),
    async (c) => {
      const { app, stored } = await findManager(deps, c.req.valid('param'));
      const { sample, decision, why } = await deps.rounds.evaluate(app.name, stored.processType);
      if (!decision)
        throw new HeadcountError('FLEET_FAILED', 'Nothing can be decided', why ?? 'unknown', 'Try again.');
      const { current, desired, unknown, reasons } = decision;
      const answer: Evaluation = {
        app: app.name,
        processType: stored.processType,
        readings: sample.readings.map((reading) => ({ ...reading })),
        current,
        desired,
        unknown,
        reasons: [...reasons],
        sentence: explain(decision, stored.processType),
      };
      return c.json(answer, 200);
    },
  );
}

/** @throws HeadcountError NOT_FOUND */
export async function findManager(
  deps: Deps,
  at: { readonly app: string; readonly processType: string },
): Promise<{ app: App; stored: StoredManager }> {
  const app = await findApp(deps, at.app);
  const stored = await deps.store.managers.get(app.id, at.processType);
  if (!stored) throw notFound(`manager "${at.processType}" in the app "${at.app}"`);
  return { app, stored };
}

function show({ kinds, rounds }: Deps, app: App, stored: StoredManager): Manager {
  return presentManager(kinds, stored, rounds.manager(app.name, stored.processType));
}

function holdIsOver(): HeadcountError {
  return new HeadcountError(
    'BODY_INVALID',
    'This hold cannot begin',
    'its end is in the past',
    'Give a later end, or none.',
  );
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Without the members that are undefined: absent and undefined are two things to the store. */
function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as Defined<T>;
}
