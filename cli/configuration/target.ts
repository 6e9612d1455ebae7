/** Which controller is meant: the one of this machine, or another with its address and key. */
import type { Target } from '../call.ts';
import { findController } from '../eval.ts';

export interface TargetOptions {
  readonly url?: string;
  readonly key?: string;
  readonly data?: string;
}

export async function targetOf({ url, key, data }: TargetOptions): Promise<Target> {
  if (url !== undefined && key !== undefined) return { url, key };
  return await findController({ ...(url !== undefined && { url }), ...(data !== undefined && { data }) });
}
