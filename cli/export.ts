/** `headcount export`: what a controller has, as headcount.yaml; nothing is changed and no secret is written. */
import { existsSync, writeFileSync } from 'node:fs';
import type { App } from '../server/api.ts';
import type { Channel } from '../server/api-issues.ts';
import { HeadcountError } from '../server/errors.ts';
import { call } from './call.ts';
import { type TargetOptions, targetOf } from './configuration/target.ts';
import { written } from './configuration/written.ts';

export interface ExportOptions extends TargetOptions {
  readonly out?: string;
}

export async function exportConfiguration(options: ExportOptions): Promise<number> {
  const { out } = options;
  if (out !== undefined && existsSync(out))
    throw new HeadcountError(
      'NAME_TAKEN',
      `${out} is not written`,
      'there is a file of that name',
      'Name another one with --out.',
    );
  const target = await targetOf(options);
  const [apps, channels] = await Promise.all([
    call<App[]>(target, 'GET', '/api/apps'),
    call<Channel[]>(target, 'GET', '/api/channels'),
  ]);
  const { yaml, variables } = written(apps, channels);
  if (out === undefined) process.stdout.write(yaml);
  else {
    writeFileSync(out, yaml, { flag: 'wx', mode: 0o600 });
    console.log(`${out} written: ${apps.length} apps, ${channels.length} channels.`);
  }
  if (variables.length > 0)
    process.stderr.write(`Secrets are not written out; they stand as variables: ${variables.join(', ')}\n`);
  return 0;
}
