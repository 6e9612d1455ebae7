/** Every meter, one line each. */
import { celeryRedis } from './celery-redis.ts';
import { httpInfo } from './http-info.ts';
import type { MeterKind } from './meter.ts';
import { tasksSqlite } from './tasks-sqlite.ts';

export const meters: readonly MeterKind[] = [httpInfo, celeryRedis, tasksSqlite];
