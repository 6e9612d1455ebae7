/**
 * The suite that every meter passes. The test library comes as an argument, so that none reaches a user.
 *
 * An adapter says how to bring about each situation: a source whose truth it knows, one that is down, one that refuses the
 * password, one that answers garbage, one that never answers. The suite makes the meter as the controller does (the
 * options are checked first) and holds it to the one rule that matters: what cannot be measured is unknown, with a
 * reason, and never a number. Where a situation cannot exist the adapter says why instead, and the test is skipped with it.
 */
import type { ExpectStatic, TestAPI } from 'vitest';
import { checkOptions } from '../decide/options.ts';
import type { Reading } from '../decide/words.ts';
import type { Meter, MeterKind, MeterSurroundings } from './meter.ts';

export interface Situation {
  readonly options: Readonly<Record<string, unknown>>;
  readonly surroundings?: Partial<MeterSurroundings>;
  /** Brings down what the situation brought up. */
  stop?(): unknown;
}

/** With the part of each reading that is known independently of the meter. */
export interface TrueSituation extends Situation {
  readonly readings: readonly Partial<Reading>[];
}

/** Why this situation cannot exist for this meter. */
export type NotHere = { readonly skip: string };

export interface MeterSituations {
  truth(): Promise<TrueSituation>;
  readonly down: (() => Promise<Situation>) | NotHere;
  readonly wrongPassword: (() => Promise<Situation>) | NotHere;
  readonly garbage: (() => Promise<Situation>) | NotHere;
  /** A source that takes the question and never answers. */
  readonly slow: (() => Promise<Situation>) | NotHere;
}

export interface MeterTools {
  readonly test: TestAPI;
  readonly expect: ExpectStatic;
}

export function meterContract(
  { test, expect }: MeterTools,
  kind: MeterKind,
  situations: MeterSituations,
): void {
  const patience = AbortSignal.timeout(600_000);

  test(`${kind.use} reads the truth, twice`, async () => {
    const situation = await situations.truth();
    await using(kind, situation, async (meter) => {
      for (const look of ['first', 'second'])
        expect(await meter.read(patience), look).toEqual(
          situation.readings.map((reading) => expect.objectContaining(reading)),
        );
    });
  });

  for (const name of ['down', 'wrongPassword', 'garbage'] as const) {
    const situation = situations[name];
    if ('skip' in situation) {
      test.skip(`${kind.use}, ${name}: ${situation.skip}`, () => undefined);
      continue;
    }
    test(`${kind.use}, ${name}: unknown with a reason, never a number`, async () => {
      const brought = await situation();
      await using(kind, brought, async (meter) => {
        const readings = await meter.read(patience);
        expect(readings.length).toBeGreaterThan(0);
        for (const reading of readings) {
          expect(reading).toEqual({ kind: 'unknown', at: expect.any(Number), why: expect.any(String) });
          expect(reading.kind === 'unknown' && reading.why).toMatch(/\S{2,} \S{2,}/);
        }
        expect(secretsIn(readings, kind, brought)).toEqual([]);
      });
    });
  }

  slowTest({ test, expect }, kind, situations.slow);

  test(`${kind.use} suggests the right key for a misspelt one`, () => {
    for (const { name } of kind.options) {
      const checked = checkOptions(kind.options, { [`${name}x`]: 'anything' });
      expect(checked.ok ? '' : checked.problems.join('\n')).toContain(`did you mean "${name}"?`);
    }
  });

  test(`${kind.use} closes twice, and before it ever read`, async () => {
    const situation = await situations.truth();
    await using(kind, situation, async (meter) => {
      await meter.close?.();
      await meter.close?.();
    });
  });
}

function slowTest({ test, expect }: MeterTools, kind: MeterKind, slow: MeterSituations['slow']): void {
  if ('skip' in slow) {
    test.skip(`${kind.use}, slow: ${slow.skip}`, () => undefined);
    return;
  }
  test(`${kind.use}, slow: ends within 100 ms of an abort`, async () => {
    await using(kind, await slow(), async (meter) => {
      const abort = new AbortController();
      const reading = meter.read(abort.signal).then(
        () => 'answered',
        (problem: unknown) => problem,
      );
      const pending = await Promise.race([reading, after(50, 'pending')]);
      expect(pending).toBe('pending');
      abort.abort(new DOMException('enough', 'AbortError'));
      expect(await Promise.race([reading, after(100, 'too late')])).toBe(abort.signal.reason);
      await expect(meter.read(abort.signal)).rejects.toBe(abort.signal.reason);
    });
  });
}

async function using(
  kind: MeterKind,
  situation: Situation,
  look: (meter: Meter) => Promise<void>,
): Promise<void> {
  const checked = checkOptions(kind.options, situation.options);
  if (!checked.ok) throw new TypeError(checked.problems.join('\n'));
  const meter = kind.create(checked.options, {
    appToken: 'token-of-the-app',
    processType: 'worker',
    now: Date.now,
    ...situation.surroundings,
  });
  try {
    await look(meter);
  } finally {
    await meter.close?.();
    await meter.close?.();
    await situation.stop?.();
  }
}

/** A reason is shown to people and written to logs: it must not tell a password or a token. */
function secretsIn(readings: readonly Reading[], kind: MeterKind, situation: Situation): string[] {
  const text = JSON.stringify(readings);
  const given = kind.options
    .filter((option) => option.secret)
    .map((option) => String(situation.options[option.name] ?? ''))
    .flatMap((value) => [value, URL.canParse(value) ? new URL(value).password : '']);
  const secrets = [...given, situation.surroundings?.appToken ?? 'token-of-the-app'];
  return secrets.filter((secret) => secret !== '' && text.includes(secret));
}

function after(milliseconds: number, what: string): Promise<string> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds, what));
}
