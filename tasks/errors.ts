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

/** A line of a log; the record of a failure holds all of it. */
const longestText = 10_000;

/** The text of whatever was thrown: handlers may throw anything. Never throws itself. */
export function textOf(thrown: unknown): string {
  try {
    const text = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
    return text.length <= longestText ? text : `${text.slice(0, longestText)}…`;
  } catch {
    return 'something that cannot be shown was thrown';
  }
}

/**
 * What was thrown, as something that can be looked at. Handlers may throw a proxy whose every trap throws, or an Error whose
 * message is no text; nobody who tells of it should have to think of that.
 */
export function presentable(thrown: unknown): unknown {
  try {
    if (!(thrown instanceof Error)) return thrown;
    const { name, message, stack } = thrown;
    const isText = (value: unknown): boolean => typeof value === 'string';
    if (isText(name) && isText(message) && (stack === undefined || isText(stack))) return thrown;
    return Object.assign(new RangeError(String(message)), { name: String(name), stack: String(stack) });
  } catch {
    return new RangeError('something that cannot be shown was thrown');
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
