/** Where results will be, in the form in which Celery writes it: `[[id, parent], nodes]` (celery/result.py, `as_tuple`). */
import type { Frozen } from './freeze.ts';

export type ResultTuple = readonly [readonly [string, ResultTuple | null], readonly ResultTuple[] | null];

export function tupleOf({ id, parent, nodes }: Frozen): ResultTuple {
  return [[id, parent ? tupleOf(parent) : null], nodes?.map(tupleOf) ?? null];
}

/** Far more than any canvas has one after the other. */
const deepest = 200;

/** Undefined for what is no such tuple. */
export function frozenOf(value: unknown, depth = 0): Frozen | undefined {
  if (!Array.isArray(value) || value.length !== 2 || depth > deepest) return undefined;
  const [named, children] = value as unknown[];
  const [id, before = null] = (Array.isArray(named) ? named : [named]) as [unknown, unknown?];
  if (typeof id !== 'string') return undefined;
  const parent = before === null ? undefined : frozenOf(before, depth + 1);
  if (!Array.isArray(children)) return { id, parent, nodes: undefined };
  const nodes = children.map((child) => frozenOf(child, depth + 1)).filter((node) => node !== undefined);
  return nodes.length === children.length ? { id, parent, nodes } : undefined;
}
