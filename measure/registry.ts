/** Every meter, one line each. */
import { celeryRabbitmq } from './celery-rabbitmq.ts';
import { celeryRedis } from './celery-redis.ts';
import { httpInfo } from './http-info.ts';
import { judoscale } from './judoscale.ts';
import type { MeterKind } from './meter.ts';
import { newRelic } from './new-relic.ts';
import { processLoad } from './process-load.ts';
import { pushedJobs } from './pushed-jobs.ts';
import { requestQueueTime } from './request-queue-time.ts';
import { responseTime } from './response-time.ts';
import { tasksSqlite } from './tasks-sqlite.ts';

export const meters: readonly MeterKind[] = [
  httpInfo,
  celeryRedis,
  celeryRabbitmq,
  tasksSqlite,
  pushedJobs,
  requestQueueTime,
  responseTime,
  processLoad,
  judoscale,
  newRelic,
];
