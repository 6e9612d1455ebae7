/** The name under which a worker is known to monitors and to remote control. */
import { hostname } from 'node:os';

let unnamedWorkers = 0;

/** `worker.3@host`, as Celery names nodes. Workers of one process that are given no name must not share theirs. */
export function nodeName(given: string | undefined): string {
  const { HEADCOUNT_PROCESS, DYNO } = process.env;
  const name = given ?? (HEADCOUNT_PROCESS || DYNO || String(process.pid));
  const again = given === undefined && unnamedWorkers++ > 0 ? `-${unnamedWorkers}` : '';
  return name.includes('@') ? name : `${name}${again}@${hostname()}`;
}
