/**
 * The suite that every result store passes, on the real server. The test library comes as an argument, so that none
 * reaches a user. One client stores, as a worker does, another one reads, as who sent the call does.
 */
import type { ExpectStatic, TestAPI } from 'vitest';
import { until } from '../../checks/servers.ts';
import { failed, type ResultRecord, type Results, succeeded } from '../results.ts';

export interface ResultsHarness {
  /** A client of an empty store. Each call of one test opens the same one. Default: results live for a day. */
  open(expiresSeconds?: number): Promise<Results>;
  /** Breaks every connection of the clients. Absent: there is none. */
  cut?(): Promise<void>;
  stop(): Promise<void>;
}

export interface ResultsTools {
  readonly test: TestAPI;
  readonly expect: ExpectStatic;
}

const patience = AbortSignal.timeout(600_000);
const daySeconds = 86_400;

export function resultsContract(
  { test, expect }: ResultsTools,
  name: string,
  start: () => Promise<ResultsHarness>,
  /** Absent: it is always there. */
  unreachable?: () => Promise<Results>,
): void {
  const on = (what: string, body: (place: Place) => Promise<void>): void =>
    test(`${name}: ${what}`, async () => {
      const harness = await start();
      const opened: Results[] = [];
      const open = async (expiresSeconds = daySeconds): Promise<Results> => {
        const made = await harness.open(expiresSeconds);
        opened.push(made);
        return made;
      };
      try {
        await body({ harness, open, ...(await clients(open)) });
      } finally {
        for (const one of opened) await one.close();
        await harness.stop();
      }
    });

  on('what was stored is read as it was, by another client', async ({ store, reader }) => {
    const records: ResultRecord[] = [
      succeeded(newId(), { a: [1, 2.5, null, 'ä\u0000\n"\'\\ 𝄞', { b: true }] }, 1_700_000_000_123),
      succeeded(newId(), undefined, 1_700_000_000_000),
      succeeded(newId(), 'x'.repeat(1_000_000), 1_700_000_000_000),
      { ...failed(newId(), 'FAILURE', new RangeError('too far'), 1_700_000_000_000), parent_id: 'p' },
      { ...succeeded(newId(), 1, 1_700_000_000_000), children: [[['id', null], null]], group_id: 'g' },
      succeeded(`odd ' " \\ % ${newId()}`, 1, 1_700_000_000_000),
    ];
    for (const record of records) await store(record);
    for (const record of records) {
      expect(await reader.wait(record.task_id, patience)).toEqual(record);
      expect(await reader.get(record.task_id)).toEqual(record);
    }
    expect(await reader.get(newId())).toBeUndefined();
  });

  on('who waits is told', async ({ store, reader }) => {
    const ids = Array.from({ length: 300 }, newId);
    const waits = ids.map((id) => reader.wait(id, patience));
    await Promise.all(ids.map((id, i) => store(succeeded(id, i, Date.now()))));
    expect((await Promise.all(waits)).map(({ result }) => result)).toEqual(ids.map((_, i) => i));
  });

  on('several wait for one, and one who gives up disturbs nobody', async ({ store, reader }) => {
    const id = newId();
    const impatient = new AbortController();
    const [one, two] = [reader.wait(id, patience), reader.wait(id, patience)];
    const three = reader.wait(id, impatient.signal).catch((error: unknown) => error);
    const reason = new RangeError('no patience');
    impatient.abort(reason);
    expect(await three).toBe(reason);
    await store(succeeded(id, 'done', Date.now()));
    expect([(await one).result, (await two).result]).toEqual(['done', 'done']);
    await expect(reader.wait(newId(), impatient.signal)).rejects.toBe(reason);
  });

  on('a success stays, and everything else gives way', async ({ store, reader }) => {
    const [kept, changed] = [newId(), newId()];
    await store(succeeded(kept, 'first', 1_000));
    await store(failed(kept, 'REVOKED', new Error('revoked'), 2_000));
    await store(succeeded(kept, 'second', 3_000));
    await store(failed(changed, 'RETRY', new Error('again'), 1_000));
    await store(failed(changed, 'FAILURE', new Error('failed'), 2_000));
    await store(succeeded(changed, 'late', 3_000));
    const last = newId();
    await store(succeeded(last, null, 4_000));
    await reader.wait(last, patience);
    expect(await reader.get(kept)).toMatchObject({ status: 'SUCCESS', result: 'first' });
    expect(await reader.get(changed)).toMatchObject({ status: 'SUCCESS', result: 'late' });
  });

  on('a success stays also within one batch', async ({ store, reader }) => {
    const id = newId();
    await Promise.all([
      store(failed(id, 'RETRY', new Error('again'), 1_000)),
      store(succeeded(id, 'first', 2_000)),
      store(failed(id, 'FAILURE', new Error('failed'), 3_000)),
    ]);
    expect(await reader.wait(id, patience)).toMatchObject({ status: 'SUCCESS', result: 'first' });
  });

  on('a retry ends no wait', async ({ store, reader }) => {
    const id = newId();
    const waiting = reader.wait(id, patience);
    await store(failed(id, 'RETRY', new Error('again'), 1_000));
    await until(async () => (await reader.get(id))?.status === 'RETRY', 'the retry');
    await store(succeeded(id, 'done', 2_000));
    expect(await waiting).toMatchObject({ status: 'SUCCESS', result: 'done' });
  });

  on('a value that has no JSON ends as a failure that says so', async ({ store, reader }) => {
    const id = newId();
    const circular: unknown[] = [];
    circular.push(circular);
    await store(succeeded(id, { circular }, 1_000));
    const found = await reader.wait(id, patience);
    expect(found).toMatchObject({ status: 'FAILURE', result: { exc_type: 'TypeError' } });
  });

  on('integers beyond 2^53 come back as they were', async ({ store, reader }) => {
    const id = newId();
    const result = [2n ** 53n + 1n, { deep: [-(10n ** 30n)] }, 1.5, 7, '12345678901234567890'];
    await store(succeeded(id, result, 1_000));
    expect((await reader.wait(id, patience)).result).toEqual(result);
  });

  on('a result is gone when its time is over, and not before', async ({ open }) => {
    const short = await clients(() => open(1));
    const lasting = await clients(() => open(0));
    const id = newId();
    await short.store(succeeded(id, 'brief', Date.now()));
    await lasting.store(succeeded(`${id}-lasting`, 'for ever', Date.now()));
    expect(await short.reader.wait(id, patience)).toMatchObject({ result: 'brief' });
    await until(async () => (await short.reader.get(id)) === undefined, 'its end');
    expect(await lasting.reader.wait(`${id}-lasting`, patience)).toMatchObject({ result: 'for ever' });
    // The room of what is over can be taken again.
    await short.store(failed(id, 'FAILURE', new Error('later'), Date.now()));
    expect(await short.reader.wait(id, patience)).toMatchObject({ status: 'FAILURE' });
  });

  on('what was stored before a close is there', async ({ open, reader, replyTo }) => {
    const other = await open();
    const id = newId();
    const storing = other.store(succeeded(id, 1, 1_000), replyTo);
    await Promise.all([storing, other.close()]);
    expect(await reader.wait(id, patience)).toMatchObject({ result: 1 });
  });

  on('a lost connection loses no result', async ({ harness, store, reader }) => {
    if (!harness.cut) return;
    const [before, after] = [newId(), newId()];
    const waits = [reader.wait(before, patience), reader.wait(after, patience)];
    await store(succeeded(before, 'before', 1_000));
    await harness.cut();
    await until(
      () =>
        store(succeeded(after, 'after', 2_000)).then(
          () => true,
          () => false,
        ),
      'the store after the cut',
    );
    expect((await Promise.all(waits)).map(({ result }) => result)).toEqual(['before', 'after']);
  });

  if (!unreachable) return;
  test(`${name}: a store that cannot be reached rejects, soon and with what to do`, async () => {
    const failure = await unreachable()
      .then((results) =>
        results.store(succeeded(newId(), 1, 1_000), 'somebody').finally(() => results.close()),
      )
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'BROKER_UNREACHABLE' });
  });
}

interface Clients {
  readonly reader: Results;
  readonly replyTo: string | undefined;
  /** Stores through another client, as a worker does that was told where the reader listens. */
  store(record: ResultRecord): Promise<void>;
}

interface Place extends Clients {
  readonly harness: ResultsHarness;
  open(expiresSeconds?: number): Promise<Results>;
}

async function clients(open: () => Promise<Results>): Promise<Clients> {
  const [reader, writer] = [await open(), await open()];
  const replyTo = await reader.replyTo?.();
  return { reader, replyTo, store: (record) => writer.store(record, replyTo) };
}

let counter = 0;

function newId(): string {
  return `id-${process.pid}-${Date.now().toString(36)}-${++counter}`;
}
