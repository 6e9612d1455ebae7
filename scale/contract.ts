/**
 * The suite that every fleet passes, whatever it runs on. It takes the runner's `test` and `expect`, so an adapter outside
 * this repository can join with its own. What only one platform does is tested beside that adapter.
 */
import type { expect as Expect, test as Test } from 'vitest';
import { checkOptions } from '../decide/options.ts';
import type { Formation } from '../decide/words.ts';
import type { Fleet, FleetKind } from './fleet.ts';

export interface FleetUnderTest {
  readonly kind: FleetKind;
  /** Options that are right. */
  readonly options: Readonly<Record<string, string | number | boolean>>;
  /** Two process types that the platform has, and nothing runs yet. */
  readonly types: readonly [string, string];
  /** A fresh fleet for each test; `release` takes everything away again. */
  open(): Promise<{ readonly fleet: Fleet; release(): Promise<void> }>;
}

export function fleetContract(
  subject: FleetUnderTest,
  { test, expect }: { test: typeof Test; expect: typeof Expect },
): void {
  const { kind, types } = subject;
  const [first, second] = types;
  const never = new AbortController().signal;

  const withFleet = async (act: (fleet: Fleet) => Promise<void>): Promise<void> => {
    const { fleet, release } = await subject.open();
    await act(fleet).finally(release);
  };
  const comesTo = async (fleet: Fleet, type: string, count: number): Promise<Formation> => {
    const end = Date.now() + 20_000;
    for (;;) {
      const formation = await fleet.count(never);
      const processes = formation[type] ?? [];
      if (processes.length === count && processes.every((process) => process.state === 'up'))
        return formation;
      if (Date.now() > end) throw new Error(`${type} did not come to ${count}: ${JSON.stringify(formation)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };

  test(`${kind.use}: is named as its kind and counts nothing at first`, async () => {
    await withFleet(async (fleet) => {
      expect(fleet.name).toBe(kind.use);
      expect(await fleet.count(never)).toEqual({ [first]: [], [second]: [] });
    });
  });

  test(`${kind.use}: counts what it scaled, each process under a name of its own`, async () => {
    await withFleet(async (fleet) => {
      const before = Date.now();
      await fleet.scaleTo({ [first]: 3, [second]: 1 }, never);
      const processes = (await comesTo(fleet, first, 3))[first] ?? [];
      expect(new Set(processes.map((process) => process.name)).size).toBe(3);
      for (const { name, since } of processes) {
        expect(name).toMatch(new RegExp(`^${first}\\.[1-9]\\d*$`));
        expect(since).toBeGreaterThanOrEqual(before - 1_000);
      }
      await comesTo(fleet, second, 1);
    });
  });

  test(`${kind.use}: scaling to the same number changes nothing`, async () => {
    await withFleet(async (fleet) => {
      await fleet.scaleTo({ [first]: 2 }, never);
      const formation = await comesTo(fleet, first, 2);
      await fleet.scaleTo({ [first]: 2 }, never);
      expect(await fleet.count(never)).toEqual(formation);
    });
  });

  test(`${kind.use}: leaves types alone that are not named`, async () => {
    await withFleet(async (fleet) => {
      await fleet.scaleTo({ [first]: 1, [second]: 2 }, never);
      const untouched = (await comesTo(fleet, second, 2))[second];
      await fleet.scaleTo({ [first]: 2 }, never);
      expect((await comesTo(fleet, first, 2))[second]).toEqual(untouched);
    });
  });

  test(`${kind.use}: scales down, and to zero`, async () => {
    await withFleet(async (fleet) => {
      await fleet.scaleTo({ [first]: 3 }, never);
      await comesTo(fleet, first, 3);
      await fleet.scaleTo({ [first]: 1 }, never);
      await comesTo(fleet, first, 1);
      await fleet.scaleTo({ [first]: 0 }, never);
      expect((await comesTo(fleet, first, 0))[first]).toEqual([]);
    });
  });

  test(`${kind.use}: an unknown process type is refused with a suggestion, and nothing else is done`, async () => {
    await withFleet(async (fleet) => {
      const misspelt = `${first}s`;
      const refused = fleet.scaleTo({ [second]: 1, [misspelt]: 1 }, never);
      await expect(refused).rejects.toMatchObject({ code: 'PROCESS_TYPE_UNKNOWN' });
      await expect(refused).rejects.toThrow(`Did you mean "${first}"?`);
      expect((await fleet.count(never))[second]).toEqual([]);
    });
  });

  test(`${kind.use}: a number that is no number of processes is refused`, async () => {
    await withFleet(async (fleet) => {
      for (const count of [-1, 1.5, Number.NaN])
        await expect(fleet.scaleTo({ [first]: count }, never)).rejects.toMatchObject({
          code: 'FLEET_FAILED',
        });
      expect((await fleet.count(never))[first]).toEqual([]);
    });
  });

  test(`${kind.use}: an aborted call ends within 100 ms and scales nothing`, async () => {
    await withFleet(async (fleet) => {
      const abort = new AbortController();
      abort.abort();
      const begun = performance.now();
      await expect(fleet.count(abort.signal)).rejects.toThrow();
      await expect(fleet.scaleTo({ [first]: 1 }, abort.signal)).rejects.toThrow();
      expect(performance.now() - begun).toBeLessThan(200);
      expect((await fleet.count(never))[first]).toEqual([]);
    });
  });

  test(`${kind.use}: its options are right, and a misspelt one is answered with the right one`, () => {
    expect(checkOptions(kind.options, subject.options).ok).toBe(true);
    const name = kind.options[0]?.name ?? '';
    const misspelt = `${name.slice(0, 1)}${name.slice(2)}`;
    const checked = checkOptions(kind.options, { ...subject.options, [misspelt]: 'x' });
    expect(checked).toMatchObject({ ok: false });
    expect(checked.ok ? '' : checked.problems.join()).toContain(`did you mean "${name}"?`);
  });
}
