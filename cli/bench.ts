/** `npm run bench -- NAME`: runs the bench that a part brings as `NAME.bench.ts`; without a name it lists them. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { unknownName } from '../server/errors.ts';
import { packageFolder } from './place.ts';

const endings = ['.bench.js', '.bench.ts'];

const benches = new Map(
  // The dashboard's run from their source: of it only the page is built.
  ['dist', 'tasks/dist', 'agent/dist', 'web']
    .map((folder) => join(packageFolder, folder))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
    )
    .filter((file) => endings.some((ending) => file.endsWith(ending)))
    .sort()
    .map((file) => [basename(file).replace(/\.bench\.[jt]s$/, ''), file] as const),
);

process.exitCode = await main(process.argv.slice(2));

async function main([name, ...rest]: readonly string[]): Promise<number> {
  const names = [...benches.keys()];
  if (name === undefined || name === '--help' || name === '-h') {
    console.log(`Benches: ${names.join(', ') || 'none yet'}. Run one with "npm run bench -- NAME".`);
    return 0;
  }
  const file = benches.get(name);
  if (file !== undefined) return await run(file, rest);
  console.error(`headcount: ${unknownName('bench', name, names)}`);
  return 2;
}

async function run(file: string, args: readonly string[]): Promise<number> {
  const how = file.endsWith('.ts') ? ['--import', 'tsx'] : ['--enable-source-maps'];
  const child = spawn(process.execPath, [...how, file, ...args], { stdio: 'inherit' });
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return await new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
}
