/**
 * Which controller decides about which app, where several share one PostgreSQL.
 *
 * A lease is a row with its owner, a time and a fence: a number that grows whenever the app changes hands. One statement
 * per controller every moment says "I live", renews what it holds and takes what nobody holds, up to its share: as many
 * apps as there are, divided by the living, rounded up. So nobody has to be elected, and shares meet by themselves. Only
 * the database's clock counts; those of the controllers may differ. Electing one leader who hands out the apps was
 * rejected (its death stops the handing out), and so were advisory locks: they hang on a connection, and end with it.
 *
 * A decision that is carried out is recorded first, in a transaction that holds its lease's row: whoever lost it cannot
 * record, and whoever takes it waits until the record is there. What comes while one of them is written goes with the next:
 each costs a wait for the disk. Rows of leases are locked in the order of their apps, whoever locks them.
 */
import { type Kysely, type Selectable, sql } from 'kysely';
import type { Database, DecisionTable } from './database.ts';
import { decisionRow, toStored } from './decisions.ts';
import type { StoredDecision } from './store.ts';
import { together } from './together.ts';
import { json, rowId, sqlState, text } from './values.ts';

/** Who asks. */
export interface Claimant {
  readonly id: string;
  /** Where the others reach it. */
  readonly url: string;
}

export interface Lease {
  readonly appId: string;
  readonly fence: number;
}

export interface Ask {
  readonly ttlMs: number;
  readonly take: 'expired' | 'free' | 'nothing';
}

/** How things stood when the database answered. */
export interface Standing {
  readonly held: readonly Lease[];
  /** The others that live. */
  readonly peers: readonly Claimant[];
  /** Apps that nobody holds and that are left to others. */
  readonly freeCount: number;
  /** The most apps that this controller is to hold. */
  readonly share: number;
}

export interface Leases {
  /**
   * Renews and takes, in one statement.
   *
   * @param ask.ttlMs from the database's now
   * @param ask.take `free`: only what was given back or never held, because a silence may have been the database's own
   */
  renew(me: Claimant, ask: Ask): Promise<Standing>;
  /** Others may take these at once. */
  giveBack(me: Claimant, appIds: readonly string[]): Promise<void>;
  /** Gives everything back, and is gone. */
  leave(me: Claimant): Promise<void>;
  /** Whose an app is now; nothing while nobody holds it. */
  ownerOf(appId: string): Promise<Claimant | undefined>;
  /**
   * Records what is about to be carried out; nothing when the lease is not held for another `marginMs`, and then it must
   * not be carried out.
   *
   * @param signal nobody waits for it any more: what was not begun is not recorded
   */
  record(
    me: Claimant,
    lease: Lease,
    marginMs: number,
    drafts: readonly Draft[],
    signal?: AbortSignal,
  ): Promise<StoredDecision[] | undefined>;
  /** The fleet refused what was recorded as carried out. */
  refused(ids: readonly string[], error: string): Promise<void>;
  /** Does the work while no other controller is at the same. */
  alone<T>(work: () => Promise<T>): Promise<T>;
}

type Draft = Omit<StoredDecision, 'id'>;

/** Any number that nobody else locks in this database; migrate.ts has another. */
const aloneKey = 4_700_002;
const forgetControllersAfter = '1 hour';
const recordsAtOnce = { calls: 100, statements: 2 };

export function createLeases(kysely: Kysely<Database>): Leases {
  const write = together(recordsAtOnce, (asked: readonly Asked[]) => recordAll(kysely, asked));
  return {
    renew: async (me, ask) => await renew(kysely, me, ask),
    async giveBack({ id }, appIds) {
      if (appIds.length === 0) return;
      await sql`update leases set owner = null, until = clock_timestamp()
        where owner = ${id} and app_id = any(${appIds.map(rowId)}::int[])`.execute(kysely);
    },
    async leave({ id }) {
      await sql`with gone as (delete from controllers where id = ${id})
        update leases set owner = null, until = clock_timestamp() where owner = ${id}`.execute(kysely);
    },
    async ownerOf(appId) {
      const { rows } = await sql<Claimant>`select controllers.id, controllers.url from leases
        join controllers on controllers.id = leases.owner
        where app_id = ${rowId(appId)} and leases.until > clock_timestamp()`.execute(kysely);
      return rows[0];
    },
    record: async (me, lease, marginMs, drafts, signal) =>
      drafts.length === 0 ? [] : await write({ me, lease, marginMs, drafts, ...(signal && { signal }) }),
    async refused(ids, error) {
      await kysely
        .updateTable('decisions')
        .set({ outcome: 'failed', error: text(error) })
        .where('id', 'in', ids.map(Number))
        .execute();
    },
    alone: async (work) =>
      await kysely.connection().execute(async (connection) => {
        await sql`select pg_advisory_lock(${sql.lit(aloneKey)})`.execute(connection);
        try {
          return await work();
        } finally {
          await sql`select pg_advisory_unlock(${sql.lit(aloneKey)})`.execute(connection);
        }
      }),
  };
}

interface RenewRow {
  readonly held: readonly { readonly app: number; readonly fence: number }[];
  readonly peers: readonly Claimant[];
  readonly free: number;
  readonly share: number;
}

/**
 * Both writes see the rows as they were before. Those of `taken` are locked in one order, so that two who take at once wait
 * for one another and never in a ring; the second finds them taken and gets them not.
 */
async function renew(kysely: Kysely<Database>, { id, url }: Claimant, ask: Ask): Promise<Standing> {
  const until = sql`(select at from clock) + ${ask.ttlMs}::float8 * interval '1 millisecond'`;
  const { rows } = await sql<RenewRow>`
    with clock as materialized (select clock_timestamp() as at),
    me as (
      insert into controllers (id, url, until) values (${id}, ${url}, ${until})
      on conflict (id) do update set url = excluded.url, until = excluded.until
    ),
    forgotten as (
      delete from controllers where id <> ${id} and until < (select at from clock) - ${forgetControllersAfter}::interval
    ),
    peers as (select id, url from controllers where id <> ${id} and until > (select at from clock)),
    mine as materialized (select app_id from leases where owner = ${id} order by app_id for no key update),
    share as (
      select ceil((select count(*) from apps)::numeric / (1 + (select count(*) from peers)))::int as most
    ),
    free as (
      select apps.id from apps left join leases on leases.app_id = apps.id
      where leases.app_id is null or leases.owner is null
        or (${ask.take === 'expired'}::bool and leases.owner <> ${id} and leases.until <= (select at from clock))
    ),
    taken as (
      insert into leases (app_id, owner, fence, until)
      select id, ${id}, 1, ${until} from free order by id
      limit (select case when ${ask.take === 'nothing'} then 0 else greatest(0, most - (select count(*) from mine)) end from share)
      on conflict (app_id) do update set owner = excluded.owner, fence = leases.fence + 1, until = excluded.until
      where leases.owner is null or leases.until <= (select at from clock)
      returning app_id, fence
    ),
    renewed as (
      update leases set until = ${until} where owner = ${id} and app_id = any(array(select app_id from mine))
      returning app_id, fence
    ),
    held as (select * from taken union all select * from renewed)
    select
      (select coalesce(jsonb_agg(jsonb_build_object('app', app_id, 'fence', fence)), '[]') from held) as held,
      (select coalesce(jsonb_agg(jsonb_build_object('id', id, 'url', url)), '[]') from peers) as peers,
      ((select count(*) from free) - (select count(*) from taken))::int as free,
      (select most from share) as share`.execute(kysely);
  const { held = [], peers = [], free = 0, share = 0 } = rows[0] ?? {};
  const leases = held.map(({ app, fence }): Lease => ({ appId: String(app), fence }));
  return { held: leases, peers, freeCount: free, share };
}

interface Asked {
  readonly me: Claimant;
  readonly lease: Lease;
  readonly marginMs: number;
  readonly drafts: readonly Draft[];
  readonly signal?: AbortSignal;
}

/** Each for itself where they cannot be recorded together: one of them may be of a manager that is gone. */
async function recordAll(
  kysely: Kysely<Database>,
  asked: readonly Asked[],
): Promise<(StoredDecision[] | undefined)[]> {
  const wanted = asked.filter(({ signal }) => !signal?.aborted);
  const answers = new Map<Asked, StoredDecision[] | undefined>();
  try {
    const stored = await recordTogether(kysely, wanted);
    for (const [index, one] of wanted.entries()) answers.set(one, stored[index]);
  } catch (error) {
    if (wanted.length === 1 || !/^2[23]/.test(sqlState(error) ?? '')) throw error;
    for (const one of wanted) answers.set(one, (await recordTogether(kysely, [one]).catch(() => []))[0]);
  }
  return asked.map((one) => answers.get(one));
}

async function recordTogether(
  kysely: Kysely<Database>,
  asked: readonly Asked[],
): Promise<(StoredDecision[] | undefined)[]> {
  if (asked.length === 0) return [];
  const wanted = asked.map(({ me, lease, marginMs }, place) => ({
    place,
    app: rowId(lease.appId),
    owner: me.id,
    fence: lease.fence,
    margin: marginMs,
  }));
  const drafts = asked.flatMap((one, place) =>
    one.drafts.map((draft) => ({ ...decisionRow(draft), reasons: draft.reasons, place })),
  );
  // One statement, so that no row stays locked while this process is slow: the next renewal waits for it.
  const { rows } = await sql<RecordedRow>`
    with held as materialized (
      select place from leases
      join jsonb_to_recordset(${JSON.stringify(wanted)}::jsonb)
        as wanted (place int, app int, owner text, fence bigint, margin float8)
        on leases.app_id = wanted.app and leases.owner = wanted.owner and leases.fence = wanted.fence
      where until > clock_timestamp() + margin * interval '1 millisecond'
      order by leases.app_id for share of leases
    ), written as (
      insert into decisions (manager_id, at, current, desired, unknown, reasons, sentence, outcome, error)
      select manager_id, at, current, desired, unknown, reasons, sentence, outcome, error
      from jsonb_to_recordset(${json(drafts)}::jsonb) as draft (place int, manager_id int, at bigint, current float8,
        desired float8, unknown boolean, reasons jsonb, sentence text, outcome text, error text)
      join held using (place) order by place
      returning *
    )
    select (select jsonb_agg(place) from held) as places, written.* from (select 1) as one
    left join written on true order by id`.execute(kysely);
  const held = new Set(rows[0]?.places ?? []);
  const stored = rows.flatMap((row) => (row.id === null ? [] : toStored(row)));
  return asked.map(({ drafts }, place) => {
    if (!held.has(place)) return undefined;
    const ids = new Set(drafts.map(({ managerId }) => managerId));
    return stored.filter(({ managerId }) => ids.has(managerId));
  });
}

type RecordedRow = { readonly places: readonly number[] | null } & (
  | Selectable<DecisionTable>
  | { readonly id: null }
);
