/**
 * Numbers in an AMQP table, written so that every client reads them as they are.
 *
 * amqplib writes a whole number with the fewest bytes, and one of 128 to 32,767 as `s`: a short integer to RabbitMQ, and a
 * short text to Python's py-amqp up to 5.3.1 (celery/py-amqp#469, merged in September 2026). A time limit of 300 s in a
 * header then ended a whole Python worker, and so did a clock in an answer the program that had asked. A negative `b` is
 * positive there. `I`, 32 bits with a sign, is the same to all, and it is what Python's own clients write.
 */
export type Table = Readonly<Record<string, unknown>>;

/** For `headers` of amqplib. What has no such number is answered as it is. */
export function amqpTable(table: Table): Table {
  return plain(table) as Table;
}

function plain(value: unknown): unknown {
  if (typeof value === 'number') return isMisread(value) ? { '!': 'int', value } : value;
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value;
  if (Array.isArray(value)) {
    const items = value.map(plain);
    return items.every((item, at) => Object.is(item, value[at])) ? value : items;
  }
  // Already with its type, as amqplib reads a timestamp.
  return Object.hasOwn(value, '!') ? value : plainTable(value as Table);
}

function plainTable(table: Table): Table {
  let changed: Record<string, unknown> | undefined;
  for (const name of Object.keys(table)) {
    const item = table[name];
    const written = plain(item);
    if (Object.is(written, item)) continue;
    changed ??= { ...table };
    changed[name] = written;
  }
  return changed ?? table;
}

function isMisread(value: number): boolean {
  return Number.isInteger(value) && value >= -0x8000 && value < 0x8000 && (value < 0 || value > 127);
}
