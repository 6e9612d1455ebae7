/** Every rival, one line each. */
import type { PolicyKind } from '../policy.ts';
import { delayedOff, fixed, textbook } from './classics.ts';
import { hirefire, hirefireLatency } from './hirefire.ts';
import { judoscale } from './judoscale.ts';
import { keda } from './keda.ts';
import { knative } from './knative.ts';
import { aws, heroku, nomad } from './targets.ts';

export const rivals: readonly PolicyKind[] = [
  hirefire,
  hirefireLatency,
  judoscale,
  keda,
  knative,
  nomad,
  aws,
  heroku,
  delayedOff,
  textbook,
  fixed,
];
