/**
 * The controller's HTTP API, typed by the shapes it checks against. Every failure, a lost connection included, becomes an
 * ApiError with a sentence that can be shown. A call ends after 20 seconds at the latest.
 */
import type {
  Adapters,
  App,
  AppChange,
  AppSettings,
  Decision,
  Evaluation,
  FoundDecision,
  Hold,
  Inbox,
  InfoTest,
  Manager,
  ManagerChange,
  ManagerSettings,
  Me,
  Point,
  Problem,
} from '../server/api.ts';
import type { Channel, ChannelChange, ChannelSettings, Issue } from '../server/api-issues.ts';
import type { Cost, Overview } from '../server/api-overview.ts';
import type { SentAgain, Tasks } from '../server/api-tasks.ts';
import type { WhatIfAnswer } from '../server/api-what-if.ts';
import type { Crew } from '../server/api-workers.ts';
import type { Measure, SetupGuide } from '../server/setup-guide.ts';
import { firstAnswer } from './first-answers.ts';
import { prefix } from './prefix.ts';

export interface Series {
  readonly grain: 'raw' | 'minute' | 'hour';
  readonly points: Point[];
}

export interface DecisionPage {
  readonly decisions: Decision[];
  readonly next?: string;
}

export interface IssuePage {
  readonly issues: Issue[];
  readonly next?: string;
}

export interface FoundPage {
  readonly decisions: FoundDecision[];
  readonly next?: string;
}

/** Which decisions of all managers are wanted; what is absent is not asked for. */
export interface DecisionFilter {
  readonly app?: string;
  readonly processType?: string;
  readonly outcome?: Decision['outcome'];
  readonly only?: 'changes' | 'failures';
}

/** `code` is the problem's, or `UNREACHABLE` when nothing answered, or `ANSWER_UNREADABLE`. */
export class ApiError extends Error {
  readonly code: string;
  /** The HTTP status; 0 when there was no answer. */
  readonly status: number;

  constructor(code: string, status: number, message: string) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.status = status;
  }
}

const timeoutMs = 20_000;
let skewMs = 0;

/** The controller's time: what it recorded is shown against its own clock, however wrong the browser's is. */
export function now(): number {
  return Date.now() + skewMs;
}

const at = (app: string): string => `/api/apps/${encodeURIComponent(app)}`;
const of = (app: string, processType: string): string =>
  `${at(app)}/managers/${encodeURIComponent(processType)}`;

export const api = {
  me: (signal?: AbortSignal) => call<Me>('GET', '/api/me', undefined, signal),
  adapters: (signal?: AbortSignal) => call<Adapters>('GET', '/api/adapters', undefined, signal),
  setUp: (body: { token: string; name: string; email: string; password: string }) =>
    call<unknown>('POST', '/api/setup', body),
  logIn: (email: string, password: string) =>
    call<unknown>('POST', '/api/auth/sign-in/email', { email, password }),
  logOut: () => call<unknown>('POST', '/api/auth/sign-out', {}),

  overview: (from: number, signal?: AbortSignal) =>
    call<Overview>('GET', `/api/overview?${given({ from })}`, undefined, signal),
  cost: (span: { from: number; until: number }, signal?: AbortSignal) =>
    call<Cost>('GET', `/api/cost?${given(span)}`, undefined, signal),
  apps: (signal?: AbortSignal) => call<App[]>('GET', '/api/apps', undefined, signal),
  app: (app: string, signal?: AbortSignal) => call<App>('GET', at(app), undefined, signal),
  createApp: (body: AppSettings) => call<App>('POST', '/api/apps', body),
  changeApp: (app: string, body: AppChange) => call<App>('PATCH', at(app), body),
  removeApp: (app: string) => call<unknown>('DELETE', at(app)),
  newToken: (app: string) => call<unknown>('POST', `${at(app)}/token`, {}),
  test: (app: string) => call<InfoTest>('POST', `${at(app)}/test`, {}),
  crew: (app: string, signal?: AbortSignal) => call<Crew>('GET', `${at(app)}/workers`, undefined, signal),
  letGo: (app: string, worker: string) =>
    call<unknown>('DELETE', `${at(app)}/workers/${encodeURIComponent(worker)}`),
  sendTaskAgain: (app: string, id: string) =>
    call<SentAgain>('POST', `${at(app)}/tasks/failures/${encodeURIComponent(id)}/send-again`, {}),
  inbox: (app: string, signal?: AbortSignal) => call<Inbox>('GET', `${at(app)}/inbox`, undefined, signal),
  setupGuide: (app: string, processType: string, measure: Measure, signal?: AbortSignal) =>
    call<SetupGuide>(
      'GET',
      `${at(app)}/setup-guide?${new URLSearchParams({ processType, measure })}`,
      undefined,
      signal,
    ),

  manager: (app: string, type: string, signal?: AbortSignal) =>
    call<Manager>('GET', of(app, type), undefined, signal),
  createManager: (app: string, body: ManagerSettings) => call<Manager>('POST', `${at(app)}/managers`, body),
  changeManager: (app: string, type: string, body: ManagerChange) =>
    call<Manager>('PATCH', of(app, type), body),
  removeManager: (app: string, type: string) => call<unknown>('DELETE', of(app, type)),
  hold: (app: string, type: string, body: Hold) => call<unknown>('PUT', `${of(app, type)}/hold`, body),
  release: (app: string, type: string) => call<unknown>('DELETE', `${of(app, type)}/hold`),
  whatIf: (app: string, type: string, body: ManagerChange) =>
    call<WhatIfAnswer>('POST', `${of(app, type)}/what-if`, body),
  evaluate: (app: string, type: string) => call<Evaluation>('POST', `${of(app, type)}/evaluate`, {}),
  series: (app: string, type: string, from: number, to: number, signal?: AbortSignal) =>
    call<Series>(
      'GET',
      `${of(app, type)}/series?from=${Math.round(from)}&to=${Math.round(to)}`,
      undefined,
      signal,
    ),
  decisions: (app: string, type: string, before?: string, signal?: AbortSignal) =>
    call<DecisionPage>(
      'GET',
      `${of(app, type)}/decisions?limit=50${before ? `&before=${encodeURIComponent(before)}` : ''}`,
      undefined,
      signal,
    ),

  tasks: (app: string, asked: { from: number; to: number; satisfiedMs: number }, signal?: AbortSignal) =>
    call<Tasks>('GET', `${at(app)}/tasks?${given(asked)}`, undefined, signal),

  issues: (
    asked: { open: boolean; app?: string | undefined; before?: string | undefined; limit: number },
    signal?: AbortSignal,
  ) => call<IssuePage>('GET', `/api/issues?${given({ ...asked })}`, undefined, signal),
  findDecisions: (
    asked: DecisionFilter & { before?: string | undefined; from?: number; limit: number },
    signal?: AbortSignal,
  ) => call<FoundPage>('GET', `/api/decisions?${given({ ...asked })}`, undefined, signal),
  channels: (signal?: AbortSignal) => call<Channel[]>('GET', '/api/channels', undefined, signal),
  createChannel: (body: ChannelSettings) => call<Channel>('POST', '/api/channels', body),
  changeChannel: (id: string, body: ChannelChange) =>
    call<Channel>('PATCH', `/api/channels/${encodeURIComponent(id)}`, body),
  removeChannel: (id: string) => call<unknown>('DELETE', `/api/channels/${encodeURIComponent(id)}`),
  testChannel: (id: string) => call<unknown>('POST', `/api/channels/${encodeURIComponent(id)}/test`, {}),
};

/** Only what was given. */
function given(asked: Readonly<Record<string, string | number | boolean | undefined>>): URLSearchParams {
  const known = Object.entries(asked).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return new URLSearchParams(known);
}

export async function call<Answer>(
  method: string,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<Answer> {
  const limit = AbortSignal.timeout(timeoutMs);
  const ends = signal ? AbortSignal.any([signal, limit]) : limit;
  const first = method === 'GET' ? await firstAnswer(path, ends) : undefined;
  const response =
    first ??
    (await ask(method, path, body, ends).catch((error: unknown) => {
      if (signal?.aborted) throw error;
      throw new ApiError('UNREACHABLE', 0, unreachable(limit.aborted));
    }));
  noteTime(response);
  const text = await response.text();
  const answer = parsed(text);
  if (!response.ok) throw failure(response, answer);
  if (answer === undefined && text !== '')
    throw new ApiError(
      'ANSWER_UNREADABLE',
      response.status,
      `${path} answered with something that is not JSON. Is a proxy's page in between?`,
    );
  return answer as Answer;
}

function ask(method: string, path: string, body: unknown, signal: AbortSignal): Promise<Response> {
  return fetch(prefix + path, {
    method,
    signal,
    headers: {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

function unreachable(timedOut: boolean): string {
  return timedOut
    ? `The controller did not answer within ${timeoutMs / 1000} s. Look at its log, then try again.`
    : 'The controller cannot be reached: it is stopped, or the connection is lost. Try again when it is back.';
}

/** A difference of under 2 seconds is the way of the message and the header's coarseness, not a wrong clock. */
function noteTime(response: Response): void {
  const theirs = Date.parse(response.headers.get('date') ?? '');
  if (Number.isNaN(theirs)) return;
  const difference = theirs - Date.now();
  skewMs = Math.abs(difference) < 2_000 ? 0 : difference;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Problems carry `detail`; the login library's errors carry `message`. */
function failure(response: Response, answer: unknown): ApiError {
  const problem = (answer ?? {}) as Partial<Problem> & { message?: string };
  const text = problem.detail ?? problem.message ?? problem.title;
  return new ApiError(
    problem.code ?? 'UNEXPECTED',
    response.status,
    text ?? `The controller answered ${response.status} ${response.statusText}.`,
  );
}
