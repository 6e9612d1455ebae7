/** After a checkup: what needs a person is written down, and people are told. */
import { explain } from '../decide/explain.ts';
import type { Process } from '../decide/words.ts';
import type { Notice } from '../notify/notifier.ts';
import type { App, StoredIssue } from '../store/store.ts';
import { follow, type Issue, type Seen } from './issues.ts';
import type { Judged, Outcome } from './loop.ts';
import type { Memory } from './memory.ts';
import { type Journal, write } from './note.ts';
import type { Surroundings } from './watched.ts';

/** How often what an open issue says is brought up to date in the store. */
const refreshMs = 60_000;

/** Never rejects. */
export async function attend(
  around: Surroundings,
  app: App,
  journal: Journal,
  judged: Judged,
  outcome: Outcome,
  processes: readonly Process[] | undefined,
): Promise<void> {
  const { memory, stored } = judged.manager;
  const { issues, opened, resolved } = follow(memory.issues, seenOf(around, judged, outcome, processes));
  memory.issues = issues;
  await save(around, journal, stored.id, memory, resolved);
  for (const issue of opened) tell(around, app, stored.processType, issue, 'opened');
  for (const issue of resolved) tell(around, app, stored.processType, issue, 'resolved');
  for (const issue of opened) show(around, app, stored.processType, issue, 'opened');
  for (const issue of resolved) show(around, app, stored.processType, issue, 'resolved');
  if (outcome.outcome === 'scaled' && judged.decision) tellScaled(around, app, judged);
}

/** What was open when the controller ended. */
export function recalled({ kind, severity, title, text, since, openedAt, seenAt }: StoredIssue): Issue {
  return { kind: kind as Issue['kind'], severity, title, text, since, openedAt, seenAt };
}

function seenOf(
  { clock, kinds }: Surroundings,
  { manager, decision, why }: Judged,
  outcome: Outcome,
  processes: readonly Process[] | undefined,
): Seen {
  const { stored, memory } = manager;
  const goals = stored.rules.flatMap(({ use, options }) => {
    const spec = kinds.rules
      .find((kind) => kind.use === use)
      ?.options.find(({ name }) => name === 'goalSeconds');
    const goal = options.goalSeconds ?? spec?.default;
    return typeof goal === 'number' ? [goal] : [];
  });
  return {
    at: clock.now(),
    maximum: stored.maximum,
    paused: stored.paused,
    decisions: memory.decisions,
    ...(decision && { decision }),
    ...(processes && { processes }),
    ...(why && { unknown: why }),
    ...(outcome.outcome === 'failed' && { refused: outcome.error ?? 'it did not say why' }),
    ...(memory.latest?.oldestSeconds !== undefined && { oldestSeconds: memory.latest.oldestSeconds }),
    ...(goals.length > 0 && { goalSeconds: Math.min(...goals) }),
  };
}

async function save(
  around: Surroundings,
  journal: Journal,
  managerId: string,
  memory: Memory,
  resolved: readonly Issue[],
): Promise<void> {
  const { issues: stored } = around.store;
  const now = around.clock.now();
  const open = memory.issues.flatMap((issue) =>
    issue.openedAt === undefined ? [] : [{ ...issue, openedAt: issue.openedAt }],
  );
  const due = open.filter(({ openedAt }) => openedAt === now || now - memory.issuesSavedAt >= refreshMs);
  if (due.length === 0 && resolved.length === 0) return;
  await write(around, journal, async () => {
    for (const issue of due) await stored.open(managerId, issue);
    for (const { kind } of resolved) await stored.resolve(managerId, kind, now);
    memory.issuesSavedAt = now;
  });
}

function tell(
  { people, clock }: Surroundings,
  app: App,
  processType: string,
  { kind, severity, title, text, openedAt }: Issue,
  end: 'opened' | 'resolved',
): void {
  const key = `${app.name}/${processType}/${kind}`;
  people?.tell(
    {
      id: `${key}/${openedAt}/${end}`,
      at: clock.now(),
      kind: end,
      key,
      severity,
      app: app.name,
      processType,
      title,
      text: end === 'opened' ? text : '',
      ...link(people, app.name, processType),
    },
    app.organisationId,
  );
}

/** After it was written down: a dashboard that hears it asks for what is open. */
function show(
  { showIssue }: Surroundings,
  app: App,
  processType: string,
  { kind, severity, title }: Issue,
  state: 'opened' | 'resolved',
): void {
  showIssue?.({ app: app.name, processType, kind, severity, title, state });
}

function tellScaled({ people }: Surroundings, app: App, { manager, decision }: Judged): void {
  const { processType } = manager.stored;
  if (!people || !decision) return;
  people.tell(
    {
      id: `${app.name}/${processType}/scaled/${decision.at}`,
      at: decision.at,
      kind: 'scaled',
      key: `${app.name}/${processType}/scaled/${decision.at}`,
      severity: 'info',
      app: app.name,
      processType,
      title: `from ${decision.current} to ${decision.desired}`,
      text: `${explain(decision, processType)}.`,
      ...link(people, app.name, processType),
    },
    app.organisationId,
  );
}

function link(
  { urlOf }: NonNullable<Surroundings['people']>,
  app: string,
  processType: string,
): Pick<Notice, 'url'> {
  const url = urlOf(app, processType);
  return url === undefined ? {} : { url };
}
