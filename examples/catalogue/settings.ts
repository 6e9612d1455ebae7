/** The environment of the catalogue's processes, read once; a wrong value is one clear line. */
import { Problem } from './problem.ts';

export interface Settings {
  readonly port: number;
  readonly host: string;
  /** `sqlite:/path/file.db` or `redis://…`. */
  readonly broker: string;
  /** File of the catalogue database. */
  readonly database: string;
  readonly queue: string;
  /** Told at /health, so that who started this process knows that it is the one that answers. */
  readonly instance?: string | undefined;
  /** More waiting jobs than this and uploads are put off with 429. */
  readonly queueLimitCount: number;
  readonly maxBodyBytes: number;
  readonly maxLineBytes: number;
}

export function readSettings(env: NodeJS.ProcessEnv = process.env): Settings {
  return {
    port: whole(env, 'PORT', 5000),
    host: env.HOST ?? '127.0.0.1',
    broker: env.BROKER_URL ?? 'sqlite:.headcount/broker.db',
    database: env.CATALOGUE_DB ?? '.headcount/catalogue.db',
    queue: env.CATALOGUE_QUEUE ?? 'catalogue',
    instance: env.CATALOGUE_INSTANCE,
    queueLimitCount: whole(env, 'QUEUE_LIMIT', 500_000),
    maxBodyBytes: whole(env, 'MAX_BODY_BYTES', 256 * 1024 * 1024),
    maxLineBytes: whole(env, 'MAX_LINE_BYTES', 64 * 1024),
  };
}

function whole(env: NodeJS.ProcessEnv, name: string, otherwise: number): number {
  const text = env[name];
  if (text === undefined || text === '') return otherwise;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Problem(
    'SETTING_INVALID',
    `${name} is "${text}", not a whole number. Correct it in the environment.`,
  );
}
