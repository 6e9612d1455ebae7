/** What the catalogue's API answers when it cannot do as asked: problem+json with what, why and what to do. */
const problems = {
  BODY_EMPTY: 400,
  BODY_MALFORMED: 400,
  BODY_TOO_LARGE: 413,
  CONTENT_TYPE_UNKNOWN: 415,
  KEY_INVALID: 400,
  KEY_IN_USE: 409,
  KEY_REUSED: 422,
  QUEUE_FULL: 429,
  BROKER_UNREACHABLE: 503,
  STORE_UNREACHABLE: 503,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  SETTING_INVALID: 500,
  STORE_NEWER: 500,
  INTERNAL: 500,
} as const;

export type ProblemCode = keyof typeof problems;

export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly status: number;
  /** Further members of the answer: `taken`, `id`, `retryAfterSeconds`. */
  readonly more: Readonly<Record<string, string | number>>;

  constructor(code: ProblemCode, detail: string, more: Readonly<Record<string, string | number>> = {}) {
    super(detail);
    this.code = code;
    this.status = problems[code];
    this.more = more;
  }

  /** The same problem, knowing more: how far an upload came. */
  with(more: Readonly<Record<string, string | number>>): Problem {
    return new Problem(this.code, this.message, { ...this.more, ...more });
  }
}
