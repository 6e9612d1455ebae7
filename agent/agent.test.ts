import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { type Agent, type AgentOptions, type AgentRequest, createAgent } from './index.ts';

const info = (token: string): AgentRequest => ({
  method: 'GET',
  url: `/hirefire/${token}/info`,
  headers: {},
});

function quiet(options: AgentOptions): Agent {
  return createAgent({ env: {}, onProblem: () => undefined, ...options });
}

async function values(agent: Agent, token = 'development'): Promise<Record<string, number | null>> {
  const answer = await agent.handle(info(token));
  const entries = JSON.parse(answer?.body ?? '[]') as { name: string; value: number | null }[];
  return Object.fromEntries(entries.map((entry) => [entry.name, entry.value]));
}

describe('the token', () => {
  const processTypes = { worker: () => 1 };
  test.each([
    ['given', { token: 'a', env: { HEADCOUNT_TOKEN: 'b', HIREFIRE_TOKEN: 'c' } }, 'a'],
    ['HEADCOUNT_TOKEN', { env: { HEADCOUNT_TOKEN: 'b', HIREFIRE_TOKEN: 'c' } }, 'b'],
    ['HIREFIRE_TOKEN', { env: { HEADCOUNT_TOKEN: '', HIREFIRE_TOKEN: 'c' } }, 'c'],
    ['none', { env: {} }, 'development'],
  ])('%s', (_name, options, token) => {
    const agent = quiet({ ...options, processTypes });
    const served = ['a', 'b', 'c', 'development'].filter((guess) => agent.handle(info(guess)));
    expect(served).toEqual([token]);
  });

  test('any other text falls through, whatever it is', () => {
    const agent = quiet({ token: 'secret', processTypes });
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 3_000 }), (text) => {
        fc.pre(text !== 'secret');
        expect(agent.handle(info(text))).toBeUndefined();
        const headers = { 'hirefire-token': text };
        expect(agent.handle({ method: 'GET', url: '/hirefire', headers })).toBeUndefined();
      }),
    );
  });

  test('only the exact path is ours', () => {
    const agent = quiet({ token: 'info', processTypes });
    fc.assert(
      fc.property(
        fc.webPath({ size: 'small' }),
        fc.constantFrom('/hirefire', '/hirefire/info'),
        (path, base) => {
          fc.pre(base + path !== '/hirefire/info/info');
          expect(agent.handle({ method: 'GET', url: base + path, headers: {} })).toBeUndefined();
        },
      ),
    );
  });
});

describe('a meter', () => {
  test('is asked once for all polls that come together', async () => {
    const meter = vi.fn(async () => 7);
    const agent = quiet({ processTypes: { worker: meter } });
    const together = await Promise.all(Array.from({ length: 50 }, () => values(agent)));
    expect(together.every((answer) => answer.worker === 7)).toBe(true);
    expect(meter).toHaveBeenCalledTimes(1);
    await values(agent);
    expect(meter).toHaveBeenCalledTimes(2);
  });

  test('that hangs is not called again until it is given up, and is told that its time is over', async () => {
    vi.useFakeTimers();
    try {
      const signals: AbortSignal[] = [];
      const meter = (signal: AbortSignal): Promise<number> => {
        signals.push(signal);
        return new Promise(() => undefined);
      };
      const agent = quiet({ processTypes: { worker: meter }, timeoutMs: 1_000 });
      for (let poll = 0; poll < 20; poll++) {
        const answer = values(agent);
        await vi.advanceTimersByTimeAsync(1_000);
        expect(await answer).toEqual({ worker: null });
      }
      expect(signals.length).toBe(2);
      expect(signals[0]?.aborted).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });

  test('that was late answers a later poll', async () => {
    let release = (_value: number): void => undefined;
    const meter = (): Promise<number> =>
      new Promise((resolve) => {
        release = resolve;
      });
    const agent = quiet({ processTypes: { worker: meter }, timeoutMs: 10 });
    expect(await values(agent)).toEqual({ worker: null });
    const second = values(agent);
    release(3);
    expect(await second).toEqual({ worker: 3 });
  });

  test('whose answer is no finite number gives null', async () => {
    const nonsense = [Number.NaN, Number.POSITIVE_INFINITY, '5', null, undefined, {}, [], true];
    for (const value of nonsense) {
      const agent = quiet({ processTypes: { worker: () => value as number } });
      expect(await values(agent)).toEqual({ worker: null });
    }
  });

  test('that fails is told to a listener, and a listener that fails harms nothing', async () => {
    const told: [string, string][] = [];
    const agent = createAgent({
      env: {},
      processTypes: { worker: () => Promise.reject(new TypeError('no database')), good: () => 1 },
      onProblem: async (processType, problem) => {
        told.push([processType, (problem as Error).message]);
        throw new TypeError('a listener that rejects');
      },
    });
    expect(await values(agent)).toEqual({ worker: null, good: 1 });
    expect(told).toEqual([['worker', 'no database']]);
  });

  test('that fails warns at most once a minute by default', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    let now = 0;
    const agent = createAgent({
      env: {},
      now: () => now,
      processTypes: { worker: () => Promise.reject(new TypeError('no database')) },
    });
    for (const at of [0, 10_000, 59_999, 60_000]) {
      now = at;
      await values(agent);
    }
    expect(warn.mock.calls.map((call) => call[0])).toEqual(
      Array(2).fill('headcount: process type worker: no database'),
    );
    warn.mockRestore();
  });
});

test('names that no Procfile can have, and more than a hundred, are left out and told', async () => {
  const told: string[] = [];
  const many = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`w${index}`, () => index]));
  const agent = createAgent({
    env: {},
    processTypes: { 'bad name': () => 1, ...many },
    onProblem: (processType) => void told.push(processType),
  });
  expect(Object.keys(await values(agent)).length).toBe(100);
  expect(told).toContain('bad name');
  expect(told.length).toBe(21);
});

test('the package depends on nothing and its framework adapters are short', () => {
  const manifest = JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf8')) as object;
  expect(Object.keys(manifest)).not.toContain('dependencies');
  for (const file of ['node-http', 'express', 'fastify', 'koa', 'hono', 'next', 'nest', 'fetch'])
    expect(
      readFileSync(new URL(`${file}.ts`, import.meta.url), 'utf8').split('\n').length,
    ).toBeLessThanOrEqual(31);
});
