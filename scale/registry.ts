/** Every fleet that there is, one line each. A test holds this list, the files and the documents equal. */
import { dryRun } from './dry-run.ts';
import type { FleetKind } from './fleet.ts';
import { heroku } from './heroku.ts';
import { local } from './local.ts';

export const fleets: readonly FleetKind[] = [dryRun, heroku, local];
