/** docs/tasks/settings.md says something of every setting that the installed Celery has. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { has } from '../checks/fixtures.ts';

/** Result backends that we do not have. */
const left =
  /^(arangodb|azureblockblob|cache|cassandra|cosmosdbsql|couchbase|dynamodb|elasticsearch|mongodb|s3)_/;
/** Names that Celery 5.2 does not have yet. */
const newer = [
  'beat_cron_starting_deadline',
  'worker_disable_prefetch',
  'worker_enable_soft_shutdown_on_idle',
  'worker_eta_task_limit',
  'worker_soft_shutdown_timeout',
];

test.skipIf(!has('python'))('the table of settings is whole', () => {
  const program =
    'from celery.app.defaults import flatten, NAMESPACES\nprint(*[name for name, _ in flatten(NAMESPACES)])';
  const names = execFileSync(inject('servers').python, ['-c', program], { encoding: 'utf8' })
    .trim()
    .split(' ');
  const text = readFileSync(join(import.meta.dirname, '..', 'docs', 'tasks', 'settings.md'), 'utf8');
  const rows = [...text.matchAll(/^\| (`.*?`) \|/gm)].map((match) => match[1] ?? '');
  const documented = rows.flatMap((row) => [...row.matchAll(/`(\w+)`/g)].map((match) => match[1] ?? ''));
  expect(new Set(documented).size).toBe(documented.length);
  const known = names.filter((name) => !left.test(name));
  expect(known.filter((name) => !documented.includes(name))).toEqual([]);
  expect(documented.filter((name) => !known.includes(name) && !newer.includes(name))).toEqual([]);
});
