/** Channels: where people are told of issues and scalings, with a test of each. */
import { randomUUID } from 'node:crypto';
import { createRoute, z } from '@hono/zod-openapi';
import { HeadcountError } from '../../decide/errors.ts';
import type { Channel as StoredChannel, Tells as StoredTells } from '../../store/store.ts';
import { type Channel, channel, channelChange, channelSettings, type Tells } from '../api-issues.ts';
import { problemsWithChannel } from '../outbox.ts';
import { onePage, pageQuery } from '../paging.ts';
import { notFound } from '../problem.ts';
import { type Deps, failures, json, nothing, type Routes } from '../request.ts';
import { hideSecrets, restoreSecrets } from '../settings.ts';

const params = z.object({ id: z.string().regex(/^\d{1,9}$/) });
const tags = ['channels'];

export function channelRoutes(api: Routes, deps: Deps): void {
  listRoutes(api, deps);
  oneRoutes(api, deps);
}

function listRoutes(api: Routes, deps: Deps): void {
  const { store } = deps;

  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/channels',
      tags,
      summary: 'Where people are told',
      request: { query: pageQuery },
      responses: { 200: json(z.array(channel), 'The channels, by name.'), ...failures },
    }),
    async (c) => {
      const { organisationIds } = c.get('access');
      const all = (await store.channels.list()).filter(({ organisationId = '' }) =>
        organisationIds.includes(organisationId),
      );
      const page = onePage(c, all, c.req.valid('query'));
      return c.json(
        page.map((stored) => present(deps, stored)),
        200,
      );
    },
  );

  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/channels',
      tags,
      summary: 'Add a channel',
      request: { body: { required: true, ...json(channelSettings, 'What it tells, and by what.') } },
      responses: { 201: json(channel, 'The channel.'), ...failures },
    }),
    async (c) => {
      const { name, notifier, tells } = c.req.valid('json');
      const draft = { name, notifier, tells: storedTells(tells) };
      check(deps, draft);
      const created = await store.channels.create(
        { ...draft, organisationId: c.get('access').organisationId },
        deps.now(),
      );
      await useChannels(deps);
      return c.json(present(deps, created), 201);
    },
  );
}

function oneRoutes(api: Routes, deps: Deps): void {
  const { store, kinds, outbox } = deps;

  api.openapi(
    createRoute({
      method: 'patch',
      path: '/api/channels/{id}',
      tags,
      summary: 'Change a channel',
      request: { params, body: { required: true, ...json(channelChange, 'What is to change.') } },
      responses: { 200: json(channel, 'The channel.'), ...failures },
    }),
    async (c) => {
      const before = await find(deps, c.req.valid('param').id);
      const { name, notifier, tells } = c.req.valid('json');
      const [restored] = notifier ? restoreSecrets(kinds, 'notifiers', [notifier], [before.notifier]) : [];
      const change = {
        ...(name && { name }),
        ...(restored && { notifier: restored }),
        ...(tells && { tells: storedTells(tells) }),
      };
      check(deps, { ...before, ...change });
      const changed = await store.channels.update(before.id, change);
      await useChannels(deps);
      return c.json(present(deps, changed), 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'delete',
      path: '/api/channels/{id}',
      tags,
      summary: 'Remove a channel',
      request: { params },
      responses: { 204: nothing, ...failures },
    }),
    async (c) => {
      await store.channels.remove((await find(deps, c.req.valid('param').id)).id);
      await useChannels(deps);
      return c.body(null, 204);
    },
  );

  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/channels/{id}/test',
      tags,
      summary: 'Send a test message now',
      request: { params },
      responses: { 204: nothing, ...failures },
    }),
    async (c) => {
      const stored = await find(deps, c.req.valid('param').id);
      await outbox.test(stored, {
        id: randomUUID(),
        at: deps.now(),
        kind: 'test',
        key: `test/${stored.id}`,
        severity: 'info',
        app: 'headcount',
        title: `this channel works: ${stored.name}`,
        text: `Sent by ${c.get('person')?.name ?? 'somebody'} from the settings.`,
      });
      return c.body(null, 204);
    },
  );
}

/** What is stored counts from now on. */
async function useChannels({ store, outbox }: Deps): Promise<void> {
  outbox.use(await store.channels.list());
}

async function find({ store }: Deps, id: string): Promise<StoredChannel> {
  const found = (await store.channels.list()).find((stored) => stored.id === id);
  if (!found) throw notFound(`channel with the id ${id}`);
  return found;
}

function check({ kinds }: Deps, draft: Pick<StoredChannel, 'name' | 'notifier' | 'tells'>): void {
  const problems = problemsWithChannel(kinds.notifiers, draft);
  if (problems.length === 0) return;
  const what = `The channel "${draft.name}" cannot be saved`;
  throw new HeadcountError('OPTION_INVALID', what, problems.join('; '), 'Mend these and save again.');
}

function present({ kinds, outbox }: Deps, stored: StoredChannel): Channel {
  const { notifier, tells, organisationId: _, ...rest } = stored;
  const sent = outbox.state(rest.id);
  const { apps, ...others } = tells;
  return {
    ...rest,
    notifier: hideSecrets(kinds, 'notifiers', notifier),
    tells: { ...others, ...(apps && { apps: [...apps] }) },
    ...(sent && { sent }),
  };
}

function storedTells({ apps, quiet, ...rest }: Tells): StoredTells {
  return { ...rest, ...(apps && { apps }), ...(quiet && { quiet }) };
}
