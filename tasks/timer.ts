/** Milliseconds that a timer of Node can wait, some 24 days; it fires at once for more. */
export const longestTimerMs: number = 2 ** 31 - 1;
