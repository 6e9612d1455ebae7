/** A trace, policy or setting that a simulation cannot use: what happened, why, what to do. */
export class SimulateError extends Error {
  override readonly name = 'SimulateError';

  constructor(what: string, why: string, todo: string) {
    super(`${what}: ${why}. ${todo}`);
  }
}
