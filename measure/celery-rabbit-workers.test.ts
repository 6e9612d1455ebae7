/** The words to Celery workers on a real RabbitMQ, Python's and ours. */
import { afterAll, describe, expect, test } from 'vitest';
import { has, type RabbitServer, startRabbit } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import type { Language } from '../checks/shop.ts';
import { openWorkersScene } from '../checks/workers-scene.ts';
import { celeryRabbitmq } from './celery-rabbitmq.ts';
import { type WorkersScene, workersContract } from './workers-contract.ts';

// One for all scenes but those that stop it: it takes seconds to start.
let shared: RabbitServer | undefined;
afterAll(async () => await shared?.stop());

async function scene(language: Language): Promise<WorkersScene> {
  shared ??= await startRabbit();
  const server = shared;
  return await openWorkersScene({
    broker: server.url,
    kind: celeryRabbitmq,
    options: { url: server.url },
    language,
    stopService: async () => {
      shared = undefined;
      await server.stop('SIGKILL');
    },
  });
}

describe.skipIf(!has('rabbitmq'))('celery workers on RabbitMQ', () => {
  workersContract({ test, expect, until }, { name: 'celery-rabbitmq, ours', scene: () => scene('ours') });

  describe.skipIf(!has('python'))('of Python', () => {
    workersContract(
      { test, expect, until },
      { name: 'celery-rabbitmq, Python', scene: () => scene('python') },
    );
  });
});
