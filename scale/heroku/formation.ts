/**
 * Reads Heroku's formation (how many there should be) and dynos (what there is), and makes one picture of the two.
 *
 * The quantity is what was ordered; dynos follow it. So a quantity without its dyno is a process that starts, and a dyno
 * beyond the quantity is one that must go: always the highest numbers. One-off dynos (`heroku run`, the release phase,
 * Heroku Scheduler) are no part of it.
 */
import type { Formation, Process, ProcessState } from '../../decide/words.ts';

/** One process type. */
export interface Row {
  readonly type: string;
  readonly quantity: number;
  readonly size: string;
  readonly sizeId: string;
  readonly appId: string;
  readonly updatedAt: number;
}

export interface Dyno {
  readonly name: string;
  readonly type: string;
  readonly number: number;
  readonly state: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

const oneOff = new Set(['run', 'release', 'scheduler']);

/** Undefined when it is not what Heroku's schema says. */
export function readRows(items: readonly unknown[]): Row[] | undefined {
  const rows = items.map(readRow);
  const right = rows.filter((row) => row !== undefined);
  return right.length === rows.length ? right.filter(({ type }) => !oneOff.has(type)) : undefined;
}

export function readDynos(items: readonly unknown[]): Dyno[] | undefined {
  const dynos = items.map(readDyno);
  const right = dynos.filter((dyno) => dyno !== undefined);
  return right.length === dynos.length ? right : undefined;
}

/** Whether each type has as many dynos as were ordered. */
export function agree(rows: readonly Row[], dynos: readonly Dyno[]): boolean {
  return rows.every(({ type, quantity }) => quantity === dynosOf(type, dynos).filter(isLiving).length);
}

export function toFormation(rows: readonly Row[], dynos: readonly Dyno[]): Formation {
  return Object.fromEntries(rows.map((row) => [row.type, processesOf(row, dynosOf(row.type, dynos))]));
}

function processesOf(row: Row, dynos: readonly Dyno[]): Process[] {
  const { type, quantity, updatedAt } = row;
  let wanted = quantity;
  // Those that live fill the quantity first; one that is down comes back only where there is room.
  const ranked = dynos.toSorted((a, b) => Number(isLiving(b)) - Number(isLiving(a)) || a.number - b.number);
  const processes = ranked.map((dyno) => toProcess(dyno, wanted-- > 0, updatedAt));
  const taken = new Set(dynos.map(({ name }) => name));
  for (let number = 1; wanted > 0; number++) {
    const name = `${type}.${number}`;
    if (taken.has(name)) continue;
    processes.push({ name, state: 'starting', since: updatedAt });
    wanted -= 1;
  }
  return processes.toSorted((a, b) => numberOf(a.name) - numberOf(b.name));
}

function toProcess({ name, state, updatedAt }: Dyno, stays: boolean, orderedAt: number): Process {
  if (!stays) return { name, state: 'stopping', since: Math.max(updatedAt, orderedAt) };
  // An Eco dyno sleeps until a request comes.
  if (state === 'idle') return { name, state: 'up', since: updatedAt, busy: false };
  return { name, state: states[state] ?? 'starting', since: updatedAt };
}

const states: Readonly<Record<string, ProcessState>> = { up: 'up', crashed: 'crashed', starting: 'starting' };

/** With preboot the old and the new dyno have one name for a while; the one that is up stands for both. */
function dynosOf(type: string, dynos: readonly Dyno[]): Dyno[] {
  const byName = new Map<string, Dyno>();
  const worth = ({ state }: Dyno): number => (state === 'up' ? 2 : state === 'down' ? 0 : 1);
  for (const dyno of dynos) {
    if (dyno.type !== type) continue;
    const other = byName.get(dyno.name);
    const better = !other || worth(dyno) - worth(other) || dyno.createdAt - other.createdAt;
    if (better === true || better > 0) byName.set(dyno.name, dyno);
  }
  return [...byName.values()];
}

function isLiving({ state }: Dyno): boolean {
  return state !== 'down';
}

function readRow(item: unknown): Row | undefined {
  const { type, quantity, updated_at, dyno_size, size, app } = fields(item);
  const { id: appId } = fields(app);
  const { id: sizeId, name } = fields(dyno_size);
  const updatedAt = Date.parse(String(updated_at));
  if (typeof type !== 'string' || !Number.isInteger(quantity) || Number(quantity) < 0) return undefined;
  if (Number.isNaN(updatedAt)) return undefined;
  const about = { size: text(name ?? size), sizeId: text(sizeId), appId: text(appId) };
  return { type, quantity: Number(quantity), updatedAt, ...about };
}

function readDyno(item: unknown): Dyno | undefined {
  const { name, type, state, created_at, updated_at } = fields(item);
  const createdAt = Date.parse(String(created_at));
  const updatedAt = Date.parse(String(updated_at));
  if (typeof name !== 'string' || typeof type !== 'string' || typeof state !== 'string') return undefined;
  if (Number.isNaN(createdAt) || Number.isNaN(updatedAt)) return undefined;
  return { name, type, state, number: numberOf(name), createdAt, updatedAt };
}

function numberOf(name: string): number {
  return Number(/\.(\d+)$/.exec(name)?.[1] ?? 0);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function fields(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
