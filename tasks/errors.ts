/** Every error that a user of this package can meet, in one list. tasks/README.md names the same codes; a test holds the two equal. */
export const taskErrorCodes = [
  'ARGUMENTS_INVALID',
  'BROKER_BUSY',
  'BROKER_NEWER',
  'BROKER_UNREACHABLE',
  'BROKER_URL_INVALID',
  'CHORD_NEEDS_RESULTS',
  'OPTION_INVALID',
  'PACKAGE_MISSING',
  'RESULT_IGNORED',
  'RESULT_TIMEOUT',
  'SIGNATURE_INVALID',
  'TASK_FAILED',
  'TASK_NAME_TAKEN',
] as const;

export type TaskErrorCode = (typeof taskErrorCodes)[number];

export class TasksError extends Error {
  override readonly name = 'TasksError';
  readonly code: TaskErrorCode;

  /**
   * @param what what happened, a sentence without its full stop
   * @param why the cause, as far as it is known
   * @param todo what the reader can do now
   */
  constructor(code: TaskErrorCode, what: string, why: string, todo: string, options?: { cause?: unknown }) {
    super(`${what}: ${why}. ${todo}`, options);
    this.code = code;
  }
}

/** The text of whatever was thrown: handlers may throw anything. Never throws itself. */
export function textOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
  } catch {
    return 'something that cannot be shown was thrown';
  }
}

/** A library that is only needed for one broker, absent or broken. */
export function packageMissing(name: string, use: string, cause: unknown): TasksError {
  return new TasksError(
    'PACKAGE_MISSING',
    `${use} needs the package "${name}"`,
    textOf(cause),
    `Install it: npm install ${name}`,
    { cause },
  );
}
