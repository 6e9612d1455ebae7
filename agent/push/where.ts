/**
 * Where the numbers go, in which form, and under which name. Facts on the variables: hirefire-resource 1.x (`HIREFIRE_DISPATCH_URL`)
 * and 2.0 (`HIREFIRE_DATA_URL`, `HIREFIRE_SERVICE_NAME`); Heroku's `DYNO` is `web.1`, on Fir `web-6f9c7d8b54-x9`; Render's own.
 *
 * One address is pushed to, never two: both of HireFire's may be set for libraries in other languages of the same app.
 */
export type Form = 'headcount' | 'hirefire-2' | 'hirefire-1';

export interface PushOptions {
  /** Default: HEADCOUNT_URL, then HIREFIRE_DATA_URL, then HIREFIRE_DISPATCH_URL. */
  readonly url?: string;
  /** Default: headcount, hirefire-2, hirefire-1, as the variable that named the address. */
  readonly form?: Form;
  /** What this process is in the Procfile. Default: as the platform says; without one `web`, once a request was seen. */
  readonly processType?: string;
  /** False: requests are not watched and CPU is not read; only jobs are pushed. */
  readonly web?: boolean;
  /** Where /sys, /proc are; for tests. */
  readonly root?: string;
  readonly clock?: PushClock;
}

/** Time, chance and timers; the timers keep no process alive. */
export interface PushClock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** From 0 to below 1. */
  random(): number;
  /** Calls back once after `delayMs`; the answer cancels. */
  after(delayMs: number, callback: () => void): () => void;
}

export interface Where {
  /** Without a slash at the end. */
  readonly url: string;
  readonly form: Form;
}

export type Env = Readonly<Record<string, string | undefined>>;

/** Undefined: nothing is to be pushed. A string says what is wrong. */
export function whereTo(push: PushOptions, env: Env): Where | string | undefined {
  const named: [Form, string | undefined][] = [
    ['headcount', env.HEADCOUNT_URL],
    ['hirefire-2', env.HIREFIRE_DATA_URL],
    ['hirefire-1', env.HIREFIRE_DISPATCH_URL],
  ];
  const [form, address] = push.url
    ? (['headcount', push.url] as const)
    : (named.find(([, value]) => value) ?? []);
  if (!form || !address) return undefined;
  // HireFire's 1.x libraries take the bare host too, always over TLS.
  const full = address.includes('://') ? address : `https://${address}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:')
    return 'nothing is pushed: the address to push to is no http:// or https:// address';
  return { url: full.replace(/[?#].*$/, '').replace(/\/+$/, ''), form: push.form ?? form };
}

/** Undefined: the platform does not say. False: a one-off process, which is none of the formation. */
export function processTypeOf(push: PushOptions, env: Env): string | false | undefined {
  if (push.processType) return push.processType;
  if (env.HIREFIRE_SERVICE_NAME) return env.HIREFIRE_SERVICE_NAME;
  const dyno = /^([a-zA-Z][a-zA-Z0-9_]*)(?:\.\d+$|-)/.exec(env.DYNO ?? '')?.[1];
  if (dyno) return dyno !== 'run' && dyno !== 'release' && dyno !== 'scheduler' && dyno;
  if (env.RENDER_SERVICE_TYPE === 'web') return 'web';
  return env.RENDER_SERVICE_NAME || undefined;
}

/** Its timers do not keep the app alive. */
export const realClock: PushClock = {
  now: () => Date.now(),
  random: () => Math.random(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
