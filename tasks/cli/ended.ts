/** How a command ends when it is not done: a line for people, and a code for programs. */

export const exitCodes = { failed: 1, usage: 2, unavailable: 69, late: 75, interrupted: 130 } as const;

export class Ended extends Error {
  override readonly name = 'Ended';
  readonly code: number;

  /** @param message one line; empty when everything was said already */
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}
