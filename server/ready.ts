/** What /readyz says. It stays 200 while the store is away: what apps push, and deciding, need this controller all the same. */
import type { Deps } from './request.ts';

export function readyText({ rounds }: Pick<Deps, 'rounds'>): string {
  const { since, keptCount, droppedCount } = rounds.behind();
  if (since === undefined) return 'ready\n';
  const dropped = droppedCount > 0 ? `, ${droppedCount} were dropped` : '';
  return `ready, but the store does not answer: ${keptCount} records wait for it${dropped}\n`;
}
