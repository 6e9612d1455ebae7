/**
 * `headcount import hirefire|judoscale`: reads the settings there and prints them as headcount.yaml, writes them to a file, or
 * creates them in a running controller. Nothing is changed at the other service. The key is asked for or read from the
 * environment: on the command line it would stay in the shell's history.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { HeadcountError, unknownName } from '../server/errors.ts';
import { createAsker, Stopped, stoppedExit } from './ask.ts';
import { findController } from './eval.ts';
import { readHirefire } from './import/hirefire.ts';
import { readJudoscale } from './import/judoscale.ts';
import { apply, type Plan, yamlOf } from './import/plan.ts';

export interface ImportOptions {
  readonly service: string;
  readonly app?: string;
  readonly tokenEnv?: string;
  /** Only for who asks for it: it stays in the shell's history. */
  readonly token?: string;
  readonly api: string;
  readonly out?: string;
  readonly apply?: boolean;
  readonly url?: string;
  readonly config?: string;
  readonly data?: string;
}

const services = {
  hirefire: { name: 'HireFire', env: 'HIREFIRE_API_KEY', ask: 'API key of your HireFire account' },
  judoscale: { name: 'Judoscale', env: 'JUDOSCALE_URL', ask: 'JUDOSCALE_URL of the app' },
} as const;

export async function importFrom(options: ImportOptions): Promise<number> {
  const service = serviceOf(options.service);
  if (options.out !== undefined && existsSync(options.out)) throw outExists(options.out);
  // Before anybody is asked for a key: what has no controller cannot be applied.
  const target = options.apply ? await findController(options) : undefined;
  const key = await keyFor(options, service).catch((error: unknown) => {
    if (error instanceof Stopped) return undefined;
    throw error;
  });
  if (key === undefined) {
    process.stderr.write('\nStopped. Nothing was changed.\n');
    return stoppedExit;
  }
  const plan = await read(service, key, options);
  const yaml = yamlOf(plan, services[service].name);
  if (options.out !== undefined) {
    writeFileSync(options.out, yaml, { flag: 'wx', mode: 0o600 });
    console.log(`${options.out} written: ${counted(plan)}.`);
  }
  if (target) for (const line of await apply(plan, target)) console.log(line);
  if (options.out === undefined && !target) process.stdout.write(yaml);
  tellLeft(plan);
  return 0;
}

type Service = keyof typeof services;

function serviceOf(name: string): Service {
  const known = Object.keys(services);
  if (known.includes(name)) return name as Service;
  throw new HeadcountError(
    'NOT_FOUND',
    `Cannot import from "${name}"`,
    unknownName('service', name, known),
    'Write headcount import hirefire, or headcount import judoscale.',
  );
}

async function keyFor({ token, tokenEnv }: ImportOptions, service: Service): Promise<string> {
  if (token !== undefined) return token;
  const { env, ask } = services[service];
  const variable = tokenEnv ?? env;
  const given = process.env[variable];
  if (given) return given;
  const asker = createAsker();
  try {
    return await asker.secret({ ask, flag: `it in the environment as ${variable}` });
  } finally {
    asker.close();
  }
}

async function read(service: Service, key: string, { app, api }: ImportOptions): Promise<Plan> {
  if (service === 'hirefire') return await readHirefire({ api, key, ...(app !== undefined && { app }) });
  if (!URL.canParse(key) || !/^https?:$/.test(new URL(key).protocol))
    throw new HeadcountError(
      'IMPORT_FAILED',
      'Judoscale cannot be asked',
      'JUDOSCALE_URL is no address that begins with https://',
      'Copy it as "heroku config:get JUDOSCALE_URL" shows it.',
    );
  return await readJudoscale(key, app);
}

function counted({ apps }: Plan): string {
  const managers = apps.reduce((sum, app) => sum + app.managers.length, 0);
  return `${apps.length} ${apps.length === 1 ? 'app' : 'apps'}, ${managers} ${managers === 1 ? 'manager' : 'managers'}`;
}

function tellLeft({ left }: Plan): void {
  if (left.length === 0) process.stderr.write('Everything was carried over.\n');
  else
    process.stderr.write(
      `Not carried over, or to be looked at:\n${left.map((line) => `- ${line}\n`).join('')}`,
    );
}

function outExists(file: string): HeadcountError {
  return new HeadcountError(
    'NAME_TAKEN',
    `${file} is not written`,
    'there is a file of that name',
    'Name another one with --out.',
  );
}
