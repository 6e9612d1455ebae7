/**
 * The suite that every framework adapter of the agent passes, on a real server of that framework. The test library comes
 * as an argument. An adapter says how to serve: our agent in front of an app that answers `GET /` with "app".
 */
import type { ExpectStatic, TestAPI } from 'vitest';
import { type Agent, type AgentOptions, createAgent } from './agent.ts';

export interface Served {
  readonly url: string;
  close(): Promise<unknown>;
}

export interface AdapterTools {
  readonly test: TestAPI;
  readonly expect: ExpectStatic;
}

export function agentContract(
  { test, expect }: AdapterTools,
  serve: (agent: Agent) => Promise<Served>,
): void {
  const serving = async (options: AgentOptions, look: (url: string) => Promise<void>): Promise<void> => {
    const served = await serve(createAgent({ env: {}, onProblem: () => undefined, ...options }));
    try {
      await look(served.url);
    } finally {
      await served.close();
    }
  };
  const text = async (url: string, init?: RequestInit): Promise<string> => (await fetch(url, init)).text();

  test('answers the path with the token', () =>
    serving({ token: 'secret', processTypes: { worker: () => 5, mailer: async () => 12.5 } }, async (url) => {
      const answer = await fetch(`${url}/hirefire/secret/info`);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toMatch(/^application\/json\b/);
      expect(answer.headers.get('cache-control')).toBe('must-revalidate, private, max-age=0');
      expect(await answer.text()).toBe('[{"name":"worker","value":5},{"name":"mailer","value":12.5}]');
    }));

  test('answers the header with the token', () =>
    serving({ token: 'secret', processTypes: { worker: () => 5 } }, async (url) => {
      const headers = { 'HireFire-Token': 'secret' };
      expect(await text(`${url}/hirefire`, { headers })).toBe('[{"name":"worker","value":5}]');
    }));

  test('leaves everything else to the app', () =>
    serving({ token: 'secret', processTypes: { worker: () => 5 } }, async (url) => {
      expect(await text(url)).toBe('app');
      for (const path of [
        '/hirefire/wrong/info',
        '/hirefire/secret/info/',
        '/hirefire/secret/info?x=1',
        '/hirefire',
      ])
        expect((await fetch(url + path)).status, path).toBe(404);
      expect((await fetch(`${url}/hirefire/secret/info`, { method: 'HEAD' })).status).toBe(404);
      const wrong = { headers: { 'HireFire-Token': 'wrong' } };
      expect((await fetch(`${url}/hirefire`, wrong)).status).toBe(404);
      expect((await fetch(`${url}/hirefire/secret/info`, { method: 'POST' })).status).toBe(404);
    }));

  test('a body that comes with a question is not read, and one for the app is left to it', () =>
    serving({ token: 'secret', processTypes: { worker: () => 5 } }, async (url) => {
      const body = 'x'.repeat(1_000_000);
      expect((await fetch(`${url}/hirefire/secret/info`, { method: 'PUT', body })).status).toBe(404);
      expect(await text(`${url}/hirefire/secret/info`)).toBe('[{"name":"worker","value":5}]');
      const long = `${url}/hirefire/${'x'.repeat(8_000)}/info`;
      expect((await fetch(long)).status).toBe(404);
    }));

  test('counts of jobs are one number, and apart when asked for', () => {
    const counts = { waiting: 3, running: 2, later: 7, oldestSeconds: 1.5 };
    return serving({ token: 'secret', processTypes: { worker: () => counts } }, async (url) => {
      expect(await text(`${url}/hirefire/secret/info`)).toBe('[{"name":"worker","value":5}]');
      const headers = { 'Headcount-Detail': 'jobs' };
      expect(JSON.parse(await text(`${url}/hirefire/secret/info`, { headers }))).toEqual([
        { name: 'worker', value: 5, ...counts },
      ]);
    });
  });

  test('many questions at once, while a meter hangs, and the app answers meanwhile', () =>
    serving(
      {
        token: 'secret',
        timeoutMs: 100,
        processTypes: { hangs: () => new Promise(() => undefined), good: () => 1 },
      },
      async (url) => {
        const asked = Array.from({ length: 30 }, () => text(`${url}/hirefire/secret/info`));
        expect(await text(url)).toBe('app');
        for (const answer of await Promise.all(asked))
          expect(answer).toBe('[{"name":"hangs","value":null},{"name":"good","value":1}]');
      },
    ));

  test('a meter that throws, rejects, hangs or answers nonsense gives null, and the app goes on', () =>
    serving(
      {
        token: 'secret',
        timeoutMs: 30,
        processTypes: {
          throws: () => {
            throw new TypeError('broken');
          },
          rejects: () => Promise.reject(new TypeError('broken')),
          hangs: () => new Promise(() => undefined),
          nonsense: () => Number.NaN,
          good: () => 1,
        },
      },
      async (url) => {
        const answer = JSON.parse(await text(`${url}/hirefire/secret/info`)) as { value: unknown }[];
        expect(answer.map((entry) => entry.value)).toEqual([null, null, null, null, 1]);
        expect(await text(url)).toBe('app');
      },
    ));
}
