/**
 * Whether secrets that somebody holds are the ones that are stored here. The API never tells a secret, so `headcount diff`
 * could not see otherwise whether a file changes one. Who may ask may also overwrite them.
 */
import { createRoute, z } from '@hono/zod-openapi';
import type { Choice } from '../../decide/words.ts';
import { appName, choice, processType } from '../api.ts';
import { sameText } from '../auth.ts';
import { type Deps, failures, json, type Routes } from '../request.ts';

const held = z
  .object({
    app: appName.optional(),
    processType: processType.optional(),
    /** The name of a channel, instead of an app. */
    channel: z.string().max(80).optional(),
    side: z.enum(['fleets', 'meters', 'rules', 'limits', 'notifiers']),
    index: z.number().int().min(0).max(20),
    use: choice.shape.use,
    option: z.string().min(1).max(64),
    value: z.string().max(10_000),
  })
  .openapi('HeldSecret', {
    description: 'A secret option, where it stands, and what somebody believes it to be.',
  });

type Held = z.infer<typeof held>;

export function configurationRoutes(api: Routes, deps: Deps): void {
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/configuration/secrets',
      tags: ['configuration'],
      summary: 'Whether secrets are the stored ones, without telling them',
      request: { body: { required: true, ...json(z.array(held).max(1_000), 'At most 1,000 at once.') } },
      responses: {
        200: json(z.array(z.boolean()), 'In the order asked; false also where none is stored.'),
        ...failures,
      },
    }),
    async (c) => {
      const all = c.req.valid('json');
      const same: boolean[] = [];
      for (const one of all) same.push(await isSame(deps, one));
      return c.json(same, 200);
    },
  );
}

async function isSame(deps: Deps, { index, use, option, value, ...where }: Held): Promise<boolean> {
  const choices = await storedChoices(deps, where);
  const stored = choices[index]?.use === use ? choices[index] : choices.find((one) => one.use === use);
  const known = stored?.options[option];
  return typeof known === 'string' && sameText(known, value);
}

async function storedChoices(
  { store }: Deps,
  { app: name, processType: type, channel, side }: Omit<Held, 'index' | 'use' | 'option' | 'value'>,
): Promise<readonly Choice[]> {
  if (side === 'notifiers') {
    const found = (await store.channels.list()).find((one) => one.name === channel);
    return found ? [found.notifier] : [];
  }
  const app = name === undefined ? undefined : await store.apps.get(name);
  if (!app) return [];
  if (side === 'fleets') return [app.fleet];
  return (type !== undefined && (await store.managers.get(app.id, type))?.[side]) || [];
}
