/** What the stand-in for the controller says to a what-if: a week that costs less, and keeps fewer jobs within the goal. */
import type { Hono } from 'hono';
import type { ManagerChange } from '../server/api.ts';
import type { WhatIfAnswer, WhatIfOutcome } from '../server/api-what-if.ts';

const hourMs = 3_600_000;
const stepSeconds = 1_210;

export function whatIfRoute(http: Hono): void {
  http.post('/api/apps/:app/managers/:type/what-if', async (c) => {
    const { maximum }: ManagerChange = await c.req.json();
    if (maximum === 7)
      return c.json({
        why: 'there are 12 minutes of readings that tell what waited, and at least 30 are needed',
      } satisfies WhatIfAnswer);
    return c.json({ played: week(Date.now()) } satisfies WhatIfAnswer);
  });
}

function week(to: number): NonNullable<WhatIfAnswer['played']> {
  const from = to - 168 * hourMs;
  const places = Array.from({ length: 500 }, (_, place) => place).filter(
    (place) => place < 300 || place > 320,
  );
  const wave = (place: number): number => Math.max(0, Math.round(6 * Math.sin((place / 71) * Math.PI)));
  return {
    from,
    to,
    playedSeconds: 579_000,
    unknownSeconds: 25_800,
    goalsSeconds: [30, 120],
    pricePerHour: 0.0347,
    recorded: { processHours: 231.4, mostProcesses: 8, longestSeconds: 93 },
    present: outcome({ processHours: 224.8, withinGoals: [0.9991, 1], longestSeconds: 88 }),
    changed: outcome({
      processHours: 171.2,
      withinGoals: [0.3441, 0.9996],
      longestSeconds: 141,
      changes: 212,
    }),
    stepSeconds,
    steps: places.map((place) => ({
      at: from + place * stepSeconds * 1000,
      present: wave(place) + 2,
      changed: wave(place) + (place % 40 < 20 ? 0 : 1),
    })),
    trust: 'good',
    notes: [
      'When jobs came is inferred from 11,880 readings, up to 60 s apart: from what waited and ran more or less than before, and from what the running processes can have finished. Bursts shorter than that look flatter than they were.',
      'A job is taken to last 0.42 s in the mean, as learned from 1,204 observations; how much jobs differ is not known.',
      'Played under the present settings it comes to 225 process hours; 231 were recorded.',
    ],
  };
}

function outcome(change: Partial<WhatIfOutcome>): WhatIfOutcome {
  return {
    jobs: 1_214_330,
    processHours: 0,
    withinGoals: [],
    p95Seconds: 24.5,
    longestSeconds: 60,
    mostProcesses: 8,
    changes: 941,
    ...change,
  };
}
