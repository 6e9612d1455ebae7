/** `headcount up`: the controller, until somebody stops it. */
import { loadConfig } from '../server/config.ts';
import { startController } from '../server/main.ts';
import { whatIf } from '../simulate/what-if.ts';
import type { LogLevel } from './arguments.ts';
import { announce } from './running.ts';
import { listenForStop } from './stop.ts';

export interface UpOptions {
  readonly config?: string;
  readonly port?: number;
  readonly host?: string;
  readonly data?: string;
  readonly interval?: number;
  readonly log: LogLevel;
}

export async function up(options: UpOptions): Promise<number> {
  const { port, host, data, interval } = options;
  const config = await loadConfig(options.config, {
    ...(port !== undefined && { port }),
    ...(host !== undefined && { host }),
    ...(data !== undefined && { data }),
    ...(interval !== undefined && { intervalSeconds: interval }),
  });
  const stop = listenForStop();
  const controller = await startController({ config, log: options.log, whatIf });
  const withdraw = announce(config.data);
  stop.onInsist(withdraw);
  const apps = config.apps.map((app) => app.name).join(', ') || 'none yet; add one in the dashboard';
  console.log(`Dashboard     ${controller.url}`);
  if (controller.setUpLink) console.log(`First login   ${controller.setUpLink}`);
  console.log(`Apps          ${apps}`);
  console.log(`Stop with Ctrl-C; processes that Headcount started here stop too.`);
  await stop.asked;
  console.log('Stopping: running jobs may finish. Ctrl-C again to stop at once.');
  withdraw();
  await controller.close();
  stop.release();
  return 0;
}
