/**
 * A whole controller as a program of its own, for tests that kill it. Its apps run on the test's own platform (checks/platform.ts),
 * which it counts, scales and measures over HTTP. Prints one line of JSON when it runs; SIGTERM stops it in order.
 */
import { loadConfig } from '../server/config.ts';
import { shippedKinds } from '../server/kinds.ts';
import { startController } from '../server/main.ts';

const { PLATFORM = '', NAME = '', CONFIG = '', DATA = '' } = process.env;

async function ask(path: string, signal: AbortSignal, body?: object): Promise<Record<string, number>> {
  const response = await fetch(`${PLATFORM}/${NAME}${path}`, {
    method: body ? 'PUT' : 'GET',
    signal,
    ...(body && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`the platform answered ${response.status}`);
  return (await response.json()) as Record<string, number>;
}

const fleet = {
  use: 'platform',
  title: 'Platform',
  help: "The test's.",
  options: [],
  create: async (_: unknown, { appName }: { appName: string }) => ({
    name: 'platform',
    count: async (signal: AbortSignal) => {
      const { count = 0 } = await ask(`/${appName}`, signal);
      return {
        worker: Array.from({ length: count }, (_, n) => ({
          name: `worker.${n + 1}`,
          state: 'up' as const,
          since: 0,
        })),
      };
    },
    scaleTo: async (desired: Readonly<Record<string, number>>, signal: AbortSignal) =>
      void (await ask(`/${appName}`, signal, { count: desired.worker })),
  }),
};

const config = await loadConfig(CONFIG, { data: DATA, port: 0 });
const controller = await startController({
  config,
  log: 'warn',
  kinds: { ...shippedKinds, fleets: [fleet] },
});
process.stdout.write(`${JSON.stringify({ url: controller.url, pid: process.pid })}\n`);
process.once('SIGTERM', () => {
  void controller.close().then(() => process.exit(0));
});
