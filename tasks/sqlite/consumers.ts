/** The statements on consumers: who works, on what, and who died. Each runs inside a transaction of its caller. */
import type { QueueLoad } from '../broker.ts';
import type { Database, Statement } from './file.ts';
import { birthOf, isDead, type Owner, thisHost } from './liveness.ts';

interface Entry {
  readonly queues: readonly string[];
  readonly name: string;
  readonly slots: number;
}

export interface Consumers {
  /** A new row for each queue; answers with the consumer's id, which is never used again. */
  register(entry: Entry, nowMs: number): number;
  /** False when the consumer was taken for dead and must register anew. */
  report(id: number, entry: Entry, load: readonly QueueLoad[], nowMs: number): boolean;
  remove(id: number): void;
  /** It was told to take nothing new. Read in the transaction that takes, so that nothing is taken after it was told. */
  isResting(id: number): boolean;
  /** Ids whose process is gone. Reads only. */
  dead(nowMs: number): number[];
}

export function consumersOf(db: Database): Consumers {
  const sql = prepared((text) => db.prepare(text) as Statement);
  const born = birthOf(process.pid);
  return {
    register: (entry, nowMs) => {
      const id = Number(sql.newId.run().lastInsertRowid);
      for (const queue of entry.queues) {
        sql.ensureQueue.run(queue);
        sql.register.run(id, queue, entry.name, process.pid, thisHost, born, entry.slots, nowMs);
      }
      return id;
    },
    report: (id, entry, load, nowMs) =>
      entry.queues.every((queue) => {
        const {
          slots = entry.slots,
          running = 0,
          reserved = 0,
          reservedSinceMs = null,
        } = load.find((one) => one.queue === queue) ?? {};
        return sql.report.run(slots, running, reserved, reservedSinceMs, nowMs, id, queue).changes > 0;
      }),
    remove: (id) => {
      sql.remove.run(id);
      sql.awake.run(id);
    },
    isResting: (id) => sql.isResting.get(id) !== undefined,
    dead: (nowMs) => {
      const owners = sql.all.all() as (Owner & { id: number })[];
      return owners.filter((owner) => isDead(owner, nowMs)).map((owner) => owner.id);
    },
  };
}

function prepared(sql: (text: string) => Statement) {
  return {
    newId: sql('INSERT INTO consumer_ids DEFAULT VALUES'),
    ensureQueue: sql('INSERT INTO queues (queue) VALUES (?) ON CONFLICT DO NOTHING'),
    register: sql(`INSERT INTO consumers (id, queue, name, pid, host, born, slots, seen)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)`),
    report: sql(`UPDATE consumers SET slots = ?, running = ?, reserved = ?, reserved_since = ?, seen = ?
      WHERE id = ? AND queue = ?`),
    remove: sql('DELETE FROM consumers WHERE id = ?'),
    awake: sql('DELETE FROM resting WHERE consumer = ?'),
    isResting: sql('SELECT 1 FROM resting WHERE consumer = ?'),
    all: sql('SELECT DISTINCT id, pid, host, born, seen FROM consumers'),
  };
}
