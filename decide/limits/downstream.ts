/**
 * No more processes than what they all talk to can take: a database with so many connections. A process that is stopping
 * keeps its connections until it is gone, so those that come after it wait for it.
 */
import { currentCount } from '../formation.ts';
import type { LimitKind } from '../kinds.ts';
import { number } from '../wording.ts';

export const downstream: LimitKind = {
  use: 'downstream',
  title: 'Downstream connections',
  help: 'A maximum from the connections that a database or a service takes.',
  reach: 'cap',
  options: [
    {
      name: 'connectionsMaximum',
      label: 'Connections in all',
      help: 'What the database takes: max_connections of PostgreSQL, or that of the plan.',
      type: 'number',
      unit: 'connections',
      minimum: 1,
      maximum: 1_000_000,
    },
    {
      name: 'connectionsPerProcess',
      label: 'Connections per process',
      help: 'The size of the pool in each process, usually its concurrency.',
      type: 'number',
      unit: 'connections',
      minimum: 1,
      maximum: 100_000,
      default: 1,
    },
    {
      name: 'reserved',
      label: 'Kept for others',
      help: 'What web processes, migrations and people at a console use.',
      type: 'number',
      unit: 'connections',
      minimum: 0,
      maximum: 1_000_000,
      default: 5,
    },
  ],
  create({ connectionsMaximum, connectionsPerProcess, reserved }) {
    const [all, each, kept] = [connectionsMaximum, connectionsPerProcess, reserved].map(Number) as [
      number,
      number,
      number,
    ];
    const room = Math.max(0, Math.floor((all - kept) / each));
    const sum = `${number(all)} connections less ${number(kept)} for others are room for ${number(room)} with ${number(each)} each`;
    return {
      apply(count, { processes }) {
        const current = currentCount(processes);
        const stopping = processes.length - current;
        // Stopping ones do not drive out those that work: they only keep new ones waiting.
        const most = Math.max(Math.min(current, room), room - stopping);
        if (count <= most) return { count };
        const still =
          stopping > 0 && most < room ? `, and ${number(stopping)} that stop hold theirs still` : '';
        return { count: most, reason: sum + still };
      },
    };
  },
};
