/** Many made-up apps, for what a large installation looks like and how quickly it is drawn. */
import type { App } from '../server/api.ts';
import { manager } from './fixture-data.ts';

export function manyApps(apps: number, managersEach: number, now: number): App[] {
  return Array.from({ length: apps }, (_, index) => ({
    name: `app-${String(index).padStart(3, '0')}`,
    token: 'Jx8b2Qm0v3sT5yLr9KdWcE7nHfPa1UzG',
    fleet: { use: 'local', options: { procfile: 'Procfile', port: 5_000 } },
    createdAt: now - 86_400_000,
    managers: Array.from({ length: managersEach }, (__, type) => {
      const busy = (index + type) % 3;
      const late = (index * 7 + type) % 97 === 0;
      return manager(`type-${type}`, {
        maximum: 20,
        paused: (index + type) % 41 === 0,
        latest: {
          at: now - 3_000,
          waiting: late ? 9_000 : busy * 37,
          running: busy * 8,
          oldestSeconds: late ? 300 : busy * 4,
          slots: busy * 8,
          current: busy * 2,
          desired: busy * 2 + (type === 3 ? 1 : 0),
          unknown: 0,
        },
      });
    }),
  }));
}
