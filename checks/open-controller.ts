/** A whole controller on a port and in a folder of its own, for tests that ask it as its users do. `close()` takes both away. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ConfigOverrides, loadConfig } from '../server/config.ts';
import { type Controller, type ControllerOptions, startController } from '../server/main.ts';
import { temporaryFolder } from './fixtures.ts';

export interface OpenController extends Controller {
  /** That of the command line on this machine. */
  readonly key: string;
  /** Where headcount.yaml is, and below which the controller keeps its data. */
  readonly folder: string;
}

export interface Opening extends Omit<ControllerOptions, 'config' | 'log'>, ConfigOverrides {
  /** The text of headcount.yaml; there is none without it. */
  readonly yaml?: string;
}

/** @param what names the folder, so that one that was left behind tells of whom it is */
export async function openController(what: string, opening: Opening = {}): Promise<OpenController> {
  const { yaml, kinds, clock, whatIf, ...overrides } = opening;
  const folder = temporaryFolder(what);
  try {
    if (yaml !== undefined) writeFileSync(join(folder.path, 'headcount.yaml'), yaml);
    const config = await loadConfig(undefined, { cwd: folder.path, env: {}, port: 0, ...overrides });
    const controller = await startController({
      config,
      log: 'silent',
      ...(kinds && { kinds }),
      ...(clock && { clock }),
      ...(whatIf && { whatIf }),
    });
    const { key } = JSON.parse(readFileSync(join(config.data, 'controller.json'), 'utf8')) as { key: string };
    return {
      ...controller,
      key,
      folder: folder.path,
      close: async () => {
        await controller.close();
        folder.remove();
      },
    };
  } catch (error) {
    folder.remove();
    throw error;
  }
}
