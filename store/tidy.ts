/**
 * Keeps the store small: folds points into minutes and minutes into hours, then forgets what is past its time.
 *
 * Each step is one transaction that writes the folded rows together with the mark of how far it came, and a row is always
 * made anew from all its parts, never added to. So a kill in the middle, a repetition, or two controllers at once can
 * neither lose nor double anything. A step takes a bounded number of rows and a call a bounded number of steps; what is
 * left waits for the next call. Points are forgotten only when they are folded.
 */
import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely';
import { createAudit } from './audit.ts';
import type { Database, StoreKind } from './database.ts';
import { foldedParts, hourMs, keptMs, minuteMs, partColumns, pointAsPart, replacedParts } from './folds.ts';

/** A checkup is recorded when its scaling is done, so a minute is folded only some time after it ended. */
const settleMs = 2 * minuteMs;
const stepRows = 20_000;
const stepsPerCall = 5;

export function createTidy(kysely: Kysely<Database>, kind: StoreKind): (now: number) => Promise<void> {
  const upkeep = kind === 'embedded' ? createUpkeep(kysely) : async () => {};
  return async (now) => {
    await repeat(() => foldMinutes(kysely, now));
    await repeat(() => foldHours(kysely));
    await moveMarks(kysely, now);
    await forget(kysely, now);
    await upkeep(now);
  };
}

/** `step` answers whether there is more. */
async function repeat(step: () => Promise<boolean>): Promise<void> {
  for (let count = 0; count < stepsPerCall; count++) if (!(await step())) return;
}

interface Fold {
  readonly grain: 'minute' | 'hour';
  readonly source: 'points' | 'point_minutes';
  readonly target: 'point_minutes' | 'point_hours';
  readonly part: RawBuilder<unknown>;
  readonly size: number;
}

async function foldMinutes(kysely: Kysely<Database>, now: number): Promise<boolean> {
  const settled = floor(now - settleMs, minuteMs);
  return await foldStep(
    kysely,
    { grain: 'minute', source: 'points', target: 'point_minutes', part: pointAsPart, size: minuteMs },
    () => settled,
  );
}

/** An hour is folded when all its minutes are. */
async function foldHours(kysely: Kysely<Database>): Promise<boolean> {
  return await foldStep(
    kysely,
    { grain: 'hour', source: 'point_minutes', target: 'point_hours', part: partColumns, size: hourMs },
    (marks) => floor(marks.minute.done_until, hourMs),
  );
}

async function foldStep(
  kysely: Kysely<Database>,
  fold: Fold,
  endOf: (marks: Marks) => number,
): Promise<boolean> {
  return await kysely.transaction().execute(async (transaction) => {
    const marks = await lockedMarks(transaction);
    const end = endOf(marks);
    const span = await nextSpan(transaction, fold, marks[fold.grain].done_until, end);
    if (!span) return false;
    const size = sql`${fold.size}::bigint`;
    await sql`
      insert into ${sql.table(fold.target)} (manager_id, at, ${partColumns})
      select manager_id, bucket, ${foldedParts} from (
        select manager_id, at / ${size} * ${size} as bucket, ${fold.part}
        from ${sql.table(fold.source)} where at >= ${span.from}::bigint and at < ${span.to}::bigint
      ) as parts
      group by manager_id, bucket
      on conflict (manager_id, at) do update set ${replacedParts}`.execute(transaction);
    await transaction
      .updateTable('roll_ups')
      .set({ done_until: span.to })
      .where('grain', '=', fold.grain)
      .execute();
    return span.to < end;
  });
}

/** Whole buckets of about `stepRows` rows, one at least; nothing when there is no row to fold. */
async function nextSpan(
  transaction: Transaction<Database>,
  { source, size }: Fold,
  done: number,
  end: number,
): Promise<{ from: number; to: number } | undefined> {
  const rows = transaction.selectFrom(source).select('at').orderBy('at').where('at', '<', end).limit(1);
  const first = await rows.where('at', '>=', done).executeTakeFirst();
  if (!first) return undefined;
  const from = floor(first.at, size);
  const beyond = await rows.where('at', '>=', from).offset(stepRows).executeTakeFirst();
  return { from, to: beyond ? Math.max(floor(beyond.at, size), from + size) : end };
}

type Marks = Readonly<Record<'raw' | 'minute' | 'hour', { done_until: number; forgotten_until: number }>>;

async function lockedMarks(transaction: Transaction<Database>): Promise<Marks> {
  const rows = await transaction.selectFrom('roll_ups').selectAll().orderBy('grain').forUpdate().execute();
  const none = { done_until: 0, forgotten_until: 0 };
  const of = (grain: string) => rows.find((row) => row.grain === grain) ?? none;
  return { raw: of('raw'), minute: of('minute'), hour: of('hour') };
}

/** From here on charts look for these times in the coarser grain; the rows themselves go in steps. */
async function moveMarks(kysely: Kysely<Database>, now: number): Promise<void> {
  await kysely.transaction().execute(async (transaction) => {
    const { raw, minute, hour } = await lockedMarks(transaction);
    const moves = {
      raw: Math.max(raw.forgotten_until, Math.min(floor(now - keptMs.raw, minuteMs), minute.done_until)),
      minute: Math.max(minute.forgotten_until, Math.min(floor(now - keptMs.minute, hourMs), hour.done_until)),
    };
    for (const grain of ['raw', 'minute'] as const)
      await transaction
        .updateTable('roll_ups')
        .set({ forgotten_until: moves[grain] })
        .where('grain', '=', grain)
        .where('forgotten_until', '<', moves[grain])
        .execute();
  });
}

async function forget(kysely: Kysely<Database>, now: number): Promise<void> {
  const marks = await kysely.selectFrom('roll_ups').select(['grain', 'forgotten_until']).execute();
  const forgottenUntil = (grain: string) => marks.find((row) => row.grain === grain)?.forgotten_until ?? 0;
  await repeat(() => deleteStep(kysely, 'points', forgottenUntil('raw')));
  await repeat(() => deleteStep(kysely, 'point_minutes', forgottenUntil('minute')));
  await repeat(() => deleteStep(kysely, 'point_hours', now - keptMs.hour));
  await repeat(() => deleteStep(kysely, 'decisions', now - keptMs.decisions));
  await repeat(() => deleteStep(kysely, 'issues', now - keptMs.decisions, 'resolved_at'));
  await createAudit(kysely).forget(now - keptMs.decisions);
  await repeat(() => deleteStep(kysely, 'task_failures', now - keptMs.decisions));
  for (const grain of ['minute', 'hour'] as const)
    await repeat(() => deleteTasks(kysely, grain, now - keptMs[grain]));
}

async function deleteTasks(
  kysely: Kysely<Database>,
  grain: 'minute' | 'hour',
  until: number,
): Promise<boolean> {
  const done = await sql`delete from task_parts where ctid = any(array(
    select ctid from task_parts where grain = ${grain} and at < ${Math.floor(until)}::bigint limit ${stepRows}
  ))`.execute(kysely);
  return Number(done.numAffectedRows ?? 0) === stepRows;
}

async function deleteStep(
  kysely: Kysely<Database>,
  table: string,
  until: number,
  column = 'at',
): Promise<boolean> {
  const at = sql.ref(column);
  const done = await sql`delete from ${sql.table(table)} where ctid = any(array(
    select ctid from ${sql.table(table)} where ${at} < ${Math.floor(until)}::bigint order by ${at} limit ${stepRows}
  ))`.execute(kysely);
  return Number(done.numAffectedRows ?? 0) === stepRows;
}

/**
 * What PostgreSQL's background processes do and PGlite, which has none, does not: without a checkpoint the write-ahead log
 * grows until the store is closed, and the next start after a kill replays all of it; without vacuum the room of
 * deleted rows is never used again, and after two thousand million transactions PostgreSQL would refuse to write.
 */
function createUpkeep(kysely: Kysely<Database>): (now: number) => Promise<void> {
  let nextCheckpointAt = 0;
  let nextVacuumAt = 0;
  return async (now) => {
    if (now >= nextVacuumAt) {
      nextVacuumAt = now + hourMs;
      await sql`vacuum analyze`.execute(kysely);
    }
    if (now >= nextCheckpointAt) {
      nextCheckpointAt = now + 5 * minuteMs;
      await sql`checkpoint`.execute(kysely);
    }
  };
}

function floor(at: number, size: number): number {
  return Math.floor(at / size) * size;
}
