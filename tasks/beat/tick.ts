/**
 * One pass of a beat: takes or renews the lease, brings the entries of the code into the store when it has just become
 * the leader, sends what is due, and answers when to come again. All state between passes is the lease's token; everything
 * else is read from the store, so that a pass may fail anywhere and the next one finds out what is so.
 */
import type { Log } from '../broker.ts';
import { textOf } from '../errors.ts';
import type { TaskMessage } from '../message.ts';
import { declare, type EntryFields, type EntryRecord, isAhead, parseRecord, plan } from './entry.ts';
import type { Sun } from './solar.ts';
import type { BeatStore } from './store.ts';

export interface TickSurroundings {
  readonly holder: string;
  readonly leaseMs: number;
  readonly store: BeatStore;
  /** By name. */
  readonly declared: ReadonlyMap<string, EntryFields>;
  readonly now: () => number;
  readonly log: Log;
  compose(name: string, fields: EntryFields, slotMs: number): Outgoing;
  sunFor(fields: readonly EntryFields[]): Promise<Sun | undefined>;
}

export interface Outgoing {
  readonly queue: string;
  readonly message: TaskMessage;
}

export interface BeatState {
  /** Of the lease that it holds; undefined: another leads, or nobody knows yet. */
  token: number | undefined;
  /** Who else leads, when that was last said. */
  leader: string | undefined;
  /** Entries of which it was said that they are ahead of this machine's clock. */
  readonly ahead: Set<string>;
}

/** Runs of one pass; the rest comes in the next one, after the lease was renewed. */
const mostRunsAtATime = 1_000;

/** Answers with the moment at which it wants to be called again, at the latest a third of the lease away. */
export async function tick(around: TickSurroundings, state: BeatState): Promise<number> {
  const startMs = around.now();
  const lookAgainMs = startMs + around.leaseMs / 3;
  const lease = await around.store.lease(around.holder, around.leaseMs);
  if (!lease.held) {
    if (state.leader !== lease.by) around.log('info', `standing by: the beat ${lease.by} leads`);
    state.leader = lease.by;
    state.token = undefined;
    return lookAgainMs;
  }
  if (state.token !== lease.token) {
    around.log('info', `this beat leads: ${around.holder}`);
    await bringIn(around, lease.token);
  }
  state.token = lease.token;
  state.leader = undefined;
  return Math.min(lookAgainMs, await sendDue(around, lease.token, state.ahead));
}

/** What code declares is written, what it no longer declares is removed. */
async function bringIn({ store, declared, now, log }: TickSurroundings, token: number): Promise<void> {
  const texts = await store.read();
  for (const [name, fields] of declared) {
    const from = texts.get(name);
    const record = declare(from === undefined ? undefined : parseRecord(from), fields, now());
    if (record) await store.swap({ name, from, to: JSON.stringify(record), token });
  }
  for (const [name, from] of texts) {
    if (declared.has(name) || parseRecord(from)?.declared === undefined) continue;
    log('info', `entry "${name}" is no longer in the code, and is removed`);
    await store.swap({ name, from, to: undefined, token });
  }
}

async function sendDue(around: TickSurroundings, token: number, ahead: Set<string>): Promise<number> {
  const records = readable(await around.store.read(), around.log);
  const sun = await around.sunFor(records.map(({ record }) => record.fields));
  let soonest = Infinity;
  let left = mostRunsAtATime;
  for (const one of records) {
    sayWhenAhead(around, one, ahead);
    const planned = plan(one.record, around.now(), sun);
    if (planned.slotMs === undefined) {
      soonest = Math.min(soonest, planned.nextMs ?? Infinity);
      continue;
    }
    if (left <= 0) return around.now();
    left -= planned.fire.length;
    const done = await run(around, token, one, planned.slotMs, planned.fire);
    if (done === 'fenced') {
      around.log('warn', 'another beat leads now: this one was held up for longer than its lease');
      return around.now();
    }
    soonest = Math.min(soonest, done === 'done' ? (planned.nextMs ?? Infinity) : around.now());
  }
  return soonest;
}

/** Of a clock that was put back, or of two machines that disagree: what was sent is not sent again, so a person should know. */
function sayWhenAhead({ now, log }: TickSurroundings, { name, record }: Known, ahead: Set<string>): void {
  if (!isAhead(record, now())) {
    ahead.delete(name);
    return;
  }
  if (ahead.has(name)) return;
  ahead.add(name);
  const untilText = new Date(record.slotMs).toISOString();
  log(
    'warn',
    `entry "${name}" was run up to ${untilText}, which this machine's clock has yet to reach: nothing is sent for it until then. Check the clock; pause and resume the entry to begin anew now`,
  );
}

interface Known {
  readonly name: string;
  readonly text: string;
  readonly record: EntryRecord;
}

function readable(texts: ReadonlyMap<string, string>, log: Log): Known[] {
  return [...texts].flatMap(([name, text]) => {
    const record = parseRecord(text);
    if (!record) log('error', `entry "${name}" cannot be read, and is left alone`);
    return record ? [{ name, text, record }] : [];
  });
}

/** Sends the slots one by one, each together with the step that marks it as done. */
async function run(
  around: TickSurroundings,
  token: number,
  { name, text, record }: Known,
  lastMs: number,
  fire: readonly number[],
): Promise<'done' | 'changed' | 'fenced'> {
  const { store, log } = around;
  let from = text;
  let now = record;
  if (fire.length === 0) {
    log('warn', `entry "${name}" has missed its run of ${new Date(lastMs).toISOString()}`);
    return store.swap({ name, from, to: JSON.stringify({ ...now, slotMs: lastMs }), token });
  }
  for (const slotMs of fire) {
    now = { ...now, slotMs, lastRunMs: slotMs, totalRuns: now.totalRuns + 1 };
    const to = JSON.stringify(now);
    const send = outgoing(around, name, now.fields, slotMs);
    const done = await store.swap({ name, from, to, token, ...(send ? { send } : {}) });
    if (done !== 'done') return done;
    log('info', `sent ${now.fields.task} for entry "${name}"`);
    from = to;
  }
  return 'done';
}

/** Undefined, and said, for what cannot be sent: its slot passes, and the other entries go on. */
function outgoing(
  around: TickSurroundings,
  name: string,
  fields: EntryFields,
  slotMs: number,
): { queue: string; messages: TaskMessage[] } | undefined {
  try {
    const { queue, message } = around.compose(name, fields, slotMs);
    return { queue, messages: [message] };
  } catch (error) {
    around.log('error', `entry "${name}" cannot be sent: ${textOf(error)}`);
    return undefined;
  }
}
