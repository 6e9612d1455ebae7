/**
 * What public/first.js asked for while this script was still on its way: without it, a telephone waits for the script and
 * then twice for the controller, once for who is here and once for what they see. An answer is taken once, by the
 * call that would have asked for the same; one that is old or a refusal is not taken, and that call asks for itself.
 *
 * `<link rel="preload">` was rejected: the overview asks from the reader's midnight on, which only a script knows.
 */

/** An answer that did not come is `undefined`. */
export type FirstAnswers = Map<string, Promise<Response | undefined>>;

declare global {
  interface Window {
    headcountFirst?: FirstAnswers;
  }
}

/** As long after the page was opened as any answer counts as fresh. */
const freshMs = 15_000;

/** @param given what was asked for; the page's own unless told. Never rejects. */
export async function firstAnswer(
  path: string,
  signal: AbortSignal,
  given: FirstAnswers | undefined = globalThis.window?.headcountFirst,
  ageMs = performance.now(),
): Promise<Response | undefined> {
  const asked = given?.get(path);
  given?.delete(path);
  if (asked === undefined || ageMs > freshMs) return undefined;
  const answer = await Promise.race([asked, aborted(signal)]);
  return answer?.ok ? answer : undefined;
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
