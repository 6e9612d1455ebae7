/**
 * What has to be true before a decision is carried out, where several controllers share the apps: its lease is held, and the
 * decision is on record with the lease's fence. Recording first costs a wait of one transaction per change; afterwards
 * was rejected, because a controller that dies in between would leave a change that nobody decided.
 *
 * A store that does not answer stops nobody: while no other controller can have the app, what grows is carried out, and
 * the record comes later.
 */
import type { App, StoredDecision } from '../store/store.ts';
import { withDeadline, wordsOf } from './clock.ts';
import type { Judged } from './loop.ts';
import { type Journal, sheet } from './note.ts';
import { marginMs } from './tenure.ts';
import type { Surroundings } from './watched.ts';

const recordLimitMs = 2_000;

export type Claim =
  | { readonly may: true; readonly signal?: AbortSignal; readonly recorded: readonly StoredDecision[] }
  | { readonly may: false; readonly why: string };

/** Never rejects. */
export async function claim(
  around: Surroundings,
  app: App,
  journal: Journal,
  changes: readonly Judged[],
): Promise<Claim> {
  const { team, clock, log } = around;
  if (!team) return { may: true, recorded: [] };
  const { tenure } = team;
  const permit = tenure.permit(app.id);
  if (!permit) return { may: false, why: notSure };
  const { signal } = permit;
  if (journal.lost || !tenure.inContact()) return { may: true, signal, recorded: [] };
  const outcome = app.fleet.use === 'dry-run' ? 'dry-run' : 'scaled';
  const drafts = changes.flatMap(({ manager, decision }) =>
    decision ? [sheet(manager, decision, { outcome, tried: true })] : [],
  );
  try {
    const recorded = await withDeadline(clock, recordLimitMs, signal, (inner) =>
      tenure.leases.record(tenure.me, permit.lease, marginMs, drafts, inner),
    );
    return recorded ? { may: true, signal, recorded } : { may: false, why: taken };
  } catch (error) {
    log.error({ app: app.name }, `a decision cannot be recorded: ${wordsOf(error)}`);
    journal.lost = true;
    const falls = changes.some(({ decision }) => decision && decision.desired < decision.current);
    if (falls) return { may: false, why: 'the store does not answer, so the count does not fall' };
    const still = tenure.permit(app.id);
    return still ? { may: true, signal: still.signal, recorded: [] } : { may: false, why: notSure };
  }
}

/** What stands on record as carried out was refused. Never rejects. */
export async function retract(
  { team, clock, log }: Surroundings,
  app: App,
  recorded: readonly StoredDecision[],
  error: string,
): Promise<StoredDecision[]> {
  if (recorded.length > 0 && team)
    await withDeadline(clock, recordLimitMs, undefined, () =>
      team.tenure.leases.refused(
        recorded.map(({ id }) => id),
        error,
      ),
    ).catch((why) => log.error({ app: app.name }, `a refusal cannot be recorded: ${wordsOf(why)}`));
  return recorded.map((one) => ({ ...one, outcome: 'failed', error }));
}

const notSure = 'the lease of this app cannot be renewed, and another controller may hold it by now';
const taken = 'another controller holds this app by now';
