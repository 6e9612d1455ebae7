/**
 * Every error that a person can meet, in one list. A message has three parts: what happened, why, and what to do.
 * `docs/errors.md` names the same codes; a test holds the two equal.
 */
export const errorCodes = {
  CONFIG_UNREADABLE: { status: 400, exit: 2 },
  CONFIG_INVALID: { status: 400, exit: 2 },
  OPTION_INVALID: { status: 422, exit: 2 },
  ADAPTER_UNKNOWN: { status: 422, exit: 2 },
  PACKAGE_MISSING: { status: 500, exit: 1 },
  PROCFILE_UNREADABLE: { status: 422, exit: 2 },
  PROCESS_TYPE_UNKNOWN: { status: 422, exit: 2 },
  PORT_IN_USE: { status: 500, exit: 1 },
  STORE_NEWER: { status: 500, exit: 1 },
  STORE_IN_USE: { status: 500, exit: 1 },
  STORE_EXISTS: { status: 409, exit: 1 },
  BACKUP_INVALID: { status: 422, exit: 2 },
  STORE_UNREACHABLE: { status: 503, exit: 1 },
  SECRETS_LOCKED: { status: 500, exit: 1 },
  BROKER_UNREACHABLE: { status: 503, exit: 1 },
  FLEET_FAILED: { status: 502, exit: 1 },
  CONTROLLER_UNREACHABLE: { status: 502, exit: 1 },
  IMPORT_FAILED: { status: 502, exit: 1 },
  ANSWER_NEEDED: { status: 400, exit: 2 },
  NOT_FOUND: { status: 404, exit: 1 },
  NAME_TAKEN: { status: 409, exit: 1 },
  BODY_INVALID: { status: 422, exit: 1 },
  BODY_TOO_LARGE: { status: 413, exit: 1 },
  ROLE_TOO_LOW: { status: 403, exit: 1 },
  LAST_OWNER: { status: 409, exit: 1 },
  INVITATION_INVALID: { status: 403, exit: 1 },
  METHOD_NOT_ALLOWED: { status: 405, exit: 1 },
  IDEMPOTENCY_KEY_REUSED: { status: 409, exit: 1 },
  REQUEST_IN_PROGRESS: { status: 409, exit: 1 },
  LOGIN_REQUIRED: { status: 401, exit: 1 },
  LOGIN_FAILED: { status: 401, exit: 1 },
  TOO_MANY_TRIES: { status: 429, exit: 1 },
  ORIGIN_FOREIGN: { status: 403, exit: 1 },
  SETUP_LINK_INVALID: { status: 403, exit: 1 },
  TASK_NOT_SENT: { status: 409, exit: 1 },
  TASK_SENT_BEFORE: { status: 409, exit: 1 },
  NOTIFY_FAILED: { status: 502, exit: 1 },
  ADDRESS_REFUSED: { status: 422, exit: 1 },
} as const;

export type ErrorCode = keyof typeof errorCodes;

export class HeadcountError extends Error {
  override readonly name = 'HeadcountError';
  readonly code: ErrorCode;

  /**
   * @param what what happened, a sentence without its full stop
   * @param why the cause, as far as it is known
   * @param todo what the reader can do now
   */
  constructor(code: ErrorCode, what: string, why: string, todo: string, options?: { cause?: unknown }) {
    super(`${what}: ${why}${/[.?!]$/.test(why) ? '' : '.'} ${todo}`, options);
    this.code = code;
  }
}
