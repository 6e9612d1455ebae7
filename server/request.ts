/** What every route is given, and who is asking. */
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Logger } from 'pino';
import type { OpenStore } from '../store/open.ts';
import type { Access, Asker } from './access/gate.ts';
import { problem } from './api.ts';
import type { Auth } from './auth.ts';
import type { Kinds } from './kinds.ts';
import type { Live } from './live.ts';
import type { Metrics } from './metrics.ts';
import type { Outbox } from './outbox.ts';
import type { Outreach } from './reach.ts';
import type { Rounds } from './rounds.ts';
import type { WhatIf } from './what-if.ts';

export interface Deps {
  readonly store: OpenStore;
  readonly rounds: Rounds;
  readonly auth: Auth;
  readonly live: Live;
  readonly outbox: Outbox;
  readonly kinds: Kinds;
  /** Absent: addresses of apps and meters may lead everywhere. */
  readonly outreach?: Outreach;
  readonly log: Logger;
  now(): number;
  /** What the command line on this machine shows instead of a session. */
  readonly key: string;
  readonly publicUrl?: string;
  /** Folder of the built dashboard. */
  readonly webFolder: string;
  /** False from the moment that a stop has begun. */
  ready(): boolean;
  /** Plays recorded work under other settings. Absent: nobody can, and who asks is told so. */
  readonly whatIf?: WhatIf;
  /** What /metrics shows, and to whom. Absent: there is no such page. */
  readonly metrics?: { readonly source: Metrics; readonly token?: string; readonly open?: boolean };
}

export interface Env {
  Variables: { person: Asker | undefined; access: Access };
}

export type Routes = OpenAPIHono<Env>;

/** For the `responses` of a route. */
export function json<S>(schema: S, description: string) {
  return { description, content: { 'application/json': { schema } } };
}

export const failures = {
  default: {
    description: 'A problem: its code, and what to do about it.',
    content: { 'application/problem+json': { schema: problem } },
  },
} as const;

export const nothing = { description: 'Done.' } as const;
