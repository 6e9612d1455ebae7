/**
 * A signal that ends with another one, or when time is up; then its reason is the DOMException `TimeoutError`. For calls that
 * clear nothing up: the timer keeps no process alive.
 *
 * Not AbortSignal.timeout within AbortSignal.any: Node 20 lets the garbage collector take that one, and the time is never up.
 */
export function within(signal: AbortSignal, timeoutMs: number): AbortSignal {
  const limit = new AbortController();
  const late = (): void => limit.abort(new DOMException(`no answer within ${timeoutMs} ms`, 'TimeoutError'));
  setTimeout(late, timeoutMs).unref();
  return AbortSignal.any([signal, limit.signal]);
}
