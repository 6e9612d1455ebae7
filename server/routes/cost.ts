/** What processes cost, were spared and will cost by the end of a span, by app and process type. */
import { createRoute, z } from '@hono/zod-openapi';
import { HeadcountError } from '../../decide/errors.ts';
import type { StoredManager } from '../../store/store.ts';
import type { Use } from '../../store/usage.ts';
import { type Cost, cost, type TypeCost } from '../api-overview.ts';
import { costOf } from '../cost.ts';
import type { HourPrices, PriceList } from '../price-list.ts';
import { type Deps, failures, json, type Routes } from '../request.ts';

const dayMs = 86_400_000;
const mostDays = 366;
const time = z.coerce.number().int().min(0).max(8.64e15);

interface Span {
  readonly from: number;
  readonly to: number;
  readonly until: number;
}

export function costRoutes(api: Routes, deps: Deps, prices: PriceList): void {
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/cost',
      tags: ['history'],
      summary: 'What the processes of all apps used and cost',
      request: {
        query: z.object({
          from: time.optional().openapi({ description: 'Absent: the first of this month (UTC).' }),
          until: time.optional().openapi({
            description:
              'Absent: the end of that month. What is later than now is forecast. At most 366 days.',
          }),
        }),
      },
      responses: { 200: json(cost, 'By app and process type.'), ...failures },
    }),
    async (c) => {
      const span = spanOf(c.req.valid('query'), deps.now());
      const { organisationIds } = c.get('access');
      const apps = (await deps.store.apps.list()).filter((one) =>
        organisationIds.includes(one.organisationId),
      );
      const [managers, known] = await Promise.all([
        deps.store.managers.byApp(apps.map(({ id }) => id)),
        prices.of(apps.map(({ name }) => name)),
      ]);
      const ids = [...managers.values()].flat().map(({ id }) => id);
      const uses = grouped(await deps.store.usage(ids, { ...span, stepMs: dayMs }));
      const shown: Cost['apps'] = apps.map(({ id, name, fleet }) => ({
        name,
        fleet: fleet.use,
        processTypes: (managers.get(id) ?? []).map((manager) =>
          present(manager, uses.get(manager.id) ?? [], known.get(name), span),
        ),
      }));
      return c.json({ ...span, apps: shown }, 200);
    },
  );
}

function spanOf(asked: { from?: number | undefined; until?: number | undefined }, now: number): Span {
  const today = new Date(asked.from ?? now);
  const [year, month] = [today.getUTCFullYear(), today.getUTCMonth()];
  const from = asked.from ?? Date.UTC(year, month, 1);
  const until = asked.until ?? Date.UTC(year, month + 1, 1);
  if (!(until > from) || until - from > mostDays * dayMs)
    throw new HeadcountError(
      'BODY_INVALID',
      'There is no cost of this time',
      until > from ? `it is longer than ${mostDays} days` : 'it ends before it begins',
      'Give `from` and a later `until`, in milliseconds since 1970.',
    );
  return { from, to: Math.max(from, Math.min(now, until)), until };
}

function grouped(uses: readonly Use[]): Map<string, Use[]> {
  const groups = new Map<string, Use[]>();
  for (const use of uses) {
    const those = groups.get(use.managerId) ?? [];
    groups.set(use.managerId, those);
    those.push(use);
  }
  return groups;
}

function present(
  { processType, createdAt }: StoredManager,
  uses: readonly Use[],
  prices: HourPrices | undefined,
  span: Span,
): TypeCost {
  const from = Math.min(span.to, Math.max(span.from, createdAt));
  const days = Array.from(
    { length: Math.ceil((span.to - span.from) / dayMs) },
    (_, index) => uses.find(({ at }) => Math.round((at - span.from) / dayMs) === index)?.processHours ?? null,
  );
  return { processType, ...costOf(uses, prices?.[processType], { ...span, from }), days };
}
