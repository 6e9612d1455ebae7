/** What the last week would have looked like under settings that are not saved yet. It changes and records nothing. */
import { setImmediate as rest } from 'node:timers/promises';
import { createRoute, z } from '@hono/zod-openapi';
import { HeadcountError } from '../../decide/errors.ts';
import { atLeast } from '../access/table.ts';
import { appName, managerChange, processType } from '../api.ts';
import { type WhatIfAnswer, whatIfAnswer } from '../api-what-if.ts';
import { createPriceList } from '../price-list.ts';
import { type Deps, failures, json, type Routes } from '../request.ts';
import {
  type WhatIfAnswer as Answer,
  goalsOf,
  managerOf,
  recordedOf,
  type WhatIfAsked,
  type WhatIfPauses,
} from '../what-if.ts';
import { changedSettings, findManager } from './managers.ts';

const params = z.object({ app: appName, processType });
/** An answer of the API within a piece is late by no more than this. */
const pieceMs = 8;
/** The page waits for 20 s; reading a week takes a part of that. */
const budgetMs = 10_000;

export function whatIfRoute(api: Routes, deps: Deps): void {
  const prices = createPriceList(deps.rounds, deps.now);
  const alone = oneAtATime();
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/apps/{app}/managers/{processType}/what-if',
      tags: ['managers'],
      summary: 'What the last week would have looked like under other settings; nothing is changed',
      request: {
        params,
        body: { required: true, ...json(managerChange, 'The settings to try. What is absent stays.') },
      },
      responses: {
        200: json(whatIfAnswer, 'The present and the changed settings side by side.'),
        ...failures,
      },
    }),
    async (c) => {
      const { app, stored } = await findManager(deps, c.req.valid('param'));
      // Who could not save it makes no controller look up the names of its addresses.
      const checks = atLeast(c.get('access').role, 'admin') ? deps : { kinds: deps.kinds };
      const { change, settings } = await changedSettings(checks, stored, c.req.valid('json'));
      const managers = { present: managerOf(stored), changed: managerOf(settings) };
      const answer = await alone(async () => {
        const recorded = await recordedOf(deps, stored.id, deps.now());
        const goalsSeconds = goalsOf(deps.kinds, [managers.present, managers.changed]);
        const { memory } = deps.rounds.manager(app.name, stored.processType) ?? {};
        const fleet = deps.rounds.app(app.name)?.fleet;
        const leaving = fleet && 'leaving' in fleet && fleet.leaving === 'named' ? 'named' : 'highest';
        const learned = memory?.learned ?? stored.learned;
        return await played(
          deps,
          { ...recorded, ...managers, learned, goalsSeconds, leaving },
          c.req.raw.signal,
        );
      });
      if (!answer.played) return c.json(answer, 200);
      const pricePerHour = (await prices.of([app.name])).get(app.name)?.[stored.processType];
      const notes = [...answer.played.notes, ...(change.meters ? [otherMeters] : [])];
      return c.json(
        { played: { ...answer.played, notes, ...(pricePerHour !== undefined && { pricePerHour }) } },
        200,
      );
    },
  );
}

const otherMeters =
  'What other meters would have read is not known: these are the readings of the present ones.';

async function played({ whatIf }: Deps, asked: WhatIfAsked, signal: AbortSignal): Promise<WhatIfAnswer> {
  if (!whatIf) return { why: 'this controller was started without the simulator' };
  const pauses: WhatIfPauses = { rest, nowMs: () => performance.now(), pieceMs, budgetMs, signal };
  try {
    return shown(await whatIf(asked, pauses), asked.goalsSeconds);
  } catch (error) {
    if (signal.aborted) return { why: 'nobody waited for the answer' };
    throw error;
  }
}

function shown(answer: Answer, goalsSeconds: readonly number[]): WhatIfAnswer {
  if (answer.kind === 'nothing') return { why: answer.why };
  const { kind: _, present, changed, steps, notes, ...rest } = answer;
  return {
    played: {
      ...rest,
      goalsSeconds: [...goalsSeconds],
      present: { ...present, withinGoals: [...present.withinGoals] },
      changed: { ...changed, withinGoals: [...changed.withinGoals] },
      steps: [...steps],
      notes: [...notes],
    },
  };
}

/** A second one would take from checkups what is left to them. */
function oneAtATime(): <T>(work: () => Promise<T>) => Promise<T> {
  let isBusy = false;
  return async (work) => {
    if (isBusy) throw busy();
    isBusy = true;
    try {
      return await work();
    } finally {
      isBusy = false;
    }
  };
}

function busy(): HeadcountError {
  return new HeadcountError(
    'REQUEST_IN_PROGRESS',
    'This what-if cannot be played now',
    'another one is being played, and there is one at a time',
    'Ask again in some seconds.',
  );
}
