/** The distributors, as a child process that ends when we do; what it prints comes back as a tally. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { HeadcountError } from '../../server/errors.ts';
import { packageFolder } from '../place.ts';

export interface Tally {
  readonly uploads: number;
  readonly tracks: number;
  readonly collections: number;
  readonly stored: number;
  readonly rejected: number;
}

export interface LoadTotal extends Tally {
  readonly requests: number;
  readonly apiP99Ms: number;
  readonly errors: readonly { readonly line: number; readonly text: string; readonly grade: string }[];
  /** Counted by the API from its rows. */
  readonly summary: {
    readonly tracks: number;
    readonly collections: number;
    readonly duplicates: number;
    readonly redelivered: number;
    readonly matched: number;
    readonly waitP95Seconds: number | null;
  };
}

export interface LoadOptions {
  readonly tracks: number;
  readonly catalogue?: string;
  readonly seed: number;
}

/** @returns undefined when it was stopped. @throws HeadcountError when it failed */
export async function runLoad(
  stage: { readonly webUrl: string; readonly run: string },
  { tracks, catalogue, seed }: LoadOptions,
  signal: AbortSignal,
  onProgress: (tally: Tally) => void,
): Promise<LoadTotal | undefined> {
  const program = join(packageFolder, 'dist', 'examples', 'catalogue', 'distributors.js');
  const args = ['--url', stage.webUrl, '--seed', String(seed), '--run', `${stage.run}s${seed}`];
  const what = catalogue === undefined ? ['--tracks', String(tracks)] : ['--catalogue', catalogue];
  // The channel tells it when we are gone, however we went.
  const child = spawn(process.execPath, ['--enable-source-maps', program, ...args, ...what], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const end = (): boolean => child.kill('SIGTERM');
  signal.addEventListener('abort', end);
  if (signal.aborted) end();
  let total: LoadTotal | undefined;
  const gone = new Promise<number | null>((resolve) => child.once('exit', resolve));
  if (child.stdout)
    for await (const line of createInterface({ input: child.stdout })) {
      const said = JSON.parse(line) as { kind: string } & LoadTotal;
      if (said.kind === 'progress') onProgress(said);
      if (said.kind === 'total') total = said;
    }
  const code = await gone;
  signal.removeEventListener('abort', end);
  if (signal.aborted) return undefined;
  if (total) return total;
  throw new HeadcountError(
    'FLEET_FAILED',
    'The distributors failed',
    `they ended with code ${code} before everything was stored`,
    'What they said stands above.',
  );
}
