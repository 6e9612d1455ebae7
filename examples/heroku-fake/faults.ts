/** Errors on request: the next `times` calls that match get the fault instead of an answer. */
import { Refusal } from './refusal.ts';

export interface Fault {
  /** A name of `faultNames`, or `status`, `id` and `message` of one's own. */
  readonly name?: FaultName;
  readonly status?: number;
  readonly id?: string;
  readonly message?: string;
  /** More members of the error body, such as `limit`. */
  readonly more?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is, in place of an error object. */
  readonly raw?: string;
  /** How the call must begin: `PATCH`, or `GET /apps/demo/dynos`. Absent: any call. */
  readonly on?: string;
  /** How often. Default 1. */
  readonly times?: number;
  /** Answers so much later. */
  readonly delayMs?: number;
  /** Closes the connection without an answer. */
  readonly hangUp?: boolean;
}

export type FaultName = keyof typeof known;
export type Failing = Omit<Fault, 'name' | 'on' | 'times'>;

const known = {
  preboot: {
    status: 422,
    id: 'invalid_params',
    message: 'Cannot change formation for a preboot app until release phase and preboot complete.',
  },
  unauthorized: { status: 401, id: 'unauthorized', message: 'Invalid credentials provided.' },
  delinquent: { status: 402, id: 'delinquent', message: 'Payment is overdue.' },
  forbidden: { status: 403, id: 'forbidden', message: 'You do not have access to the app.' },
  suspended: { status: 403, id: 'suspended', message: 'The account is suspended.' },
  conflict: { status: 409, id: 'conflict', message: 'Another change is in progress.' },
  'rate-limit': { status: 429, id: 'rate_limit', message: 'Your account reached the API rate limit.' },
  unavailable: { status: 503, id: 'unavailable', message: 'The API is being maintained.' },
  garbage: { status: 200, raw: '<html>not JSON</html>' },
  redirect: { status: 302, raw: '', headers: { location: 'http://127.0.0.1:1/elsewhere' } },
  'hang-up': { hangUp: true },
} as const satisfies Record<string, Omit<Fault, 'name' | 'times' | 'on'>>;

export interface Faults {
  add(fault: Fault): void;
  /** The fault for this call, which is then used up once. */
  take(call: string): Failing | undefined;
  clear(): void;
}

const mostFaults = 100;

export function createFaults(): Faults {
  let waiting: { readonly fault: Fault; left: number }[] = [];
  return {
    add(fault) {
      if (fault.name !== undefined && !(fault.name in known))
        throw new Refusal(422, 'invalid_params', `no fault "${fault.name}"; there is ${Object.keys(known)}`);
      if (waiting.length >= mostFaults) throw new Refusal(409, 'conflict', 'There are too many faults.');
      waiting.push({ fault, left: fault.times ?? 1 });
    },
    take(call) {
      const found = waiting.find(({ fault }) => call.startsWith(fault.on ?? ''));
      if (!found) return undefined;
      found.left -= 1;
      if (found.left <= 0) waiting = waiting.filter((one) => one !== found);
      const { name, ...own } = found.fault;
      return { ...(name && known[name]), ...own };
    },
    clear() {
      waiting = [];
    },
  };
}
