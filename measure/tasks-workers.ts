/**
 * Speaks with the workers of an embedded broker by its file: a row in `resting` and the worker takes nothing more, in the
 * same transaction in which it would have taken it. What is in its hands is counted by the rows that it has taken and by
 * what it reports, whichever is more: jobs of early acknowledgement have no row any more while they run.
 */
import type Libsql from 'libsql';
import { type ConsumerRow, lives } from './tasks-count.ts';
import type { NodeQueues, NodeSeen, Workers } from './workers.ts';

interface Row extends ConsumerRow {
  readonly name: string;
  readonly queue: string;
}

/** @param open the file as it is now; throws when there is none */
export function tasksWorkers(open: () => Libsql.Database, queue: string, now: () => number): Workers {
  const write = (sql: string, nodes: readonly NodeQueues[], db: Libsql.Database): void => {
    const names = new Set(nodes.map(({ node }) => node));
    db.exec('PRAGMA query_only = OFF');
    try {
      const statement = db.prepare(sql);
      for (const { id, name } of consumersIn(db)) if (names.has(name)) statement.run(id);
    } finally {
      db.exec('PRAGMA query_only = ON');
    }
  };
  return {
    queue,
    ask: async (signal) => {
      signal.throwIfAborted();
      return { nodes: nodesIn(open(), queue, now()), silentCount: 0 };
    },
    quiet: async (nodes, signal) => {
      signal.throwIfAborted();
      write('INSERT INTO resting (consumer) VALUES (?) ON CONFLICT DO NOTHING', nodes, open());
    },
    resume: async (nodes, signal) => {
      signal.throwIfAborted();
      write('DELETE FROM resting WHERE consumer = ?', nodes, open());
    },
  };
}

function nodesIn(db: Libsql.Database, queue: string, at: number): NodeSeen[] {
  const all = consumersIn(db).filter((consumer) => lives(consumer, at));
  const resting = new Set(
    (db.prepare('SELECT consumer FROM resting').all() as { consumer: number }[]).map((row) => row.consumer),
  );
  const taken = db.prepare('SELECT count(*) AS jobs FROM jobs WHERE consumer = ? AND state = 2');
  const ids = new Set(all.filter((one) => one.queue === queue).map(({ id }) => id));
  return [...ids].flatMap((id): NodeSeen[] => {
    const rows = all.filter((one) => one.id === id);
    const [first] = rows;
    if (!first) return [];
    const said = rows.reduce((sum, one) => sum + one.running + one.reserved, 0);
    const { jobs } = taken.get(id) as { jobs: number };
    const queues = rows.map((one) => one.queue);
    return [{ node: first.name, queues, quiet: resting.has(id), jobs: Math.max(jobs, said) }];
  });
}

function consumersIn(db: Libsql.Database): Row[] {
  return db.prepare('SELECT *, reserved_since AS since FROM consumers').all() as Row[];
}
