/**
 * Pages and forms that come when they are first opened. After an update of the controller, a page that stayed open asks for
 * files that are no longer there: then the whole page is loaded anew, and shows the new version at the same address. Only once
 * a minute, since what is still missing then will not come by that; and not while the controller is gone, since the
 * browser would put its own empty page in place of ours.
 *
 * The router's own reloading was rejected: it knows neither of the two, nor of a style sheet that is missing.
 */
import { lazyRouteComponent } from '@tanstack/react-router';
import { ApiError } from './api.ts';
import { prefix } from './prefix.ts';

const partMissing = 'PART_MISSING';

const againAfterMs = 60_000;
const timeoutMs = 10_000;
const storageKey = 'headcount-reloaded';

/** A component that is loaded when it is first drawn. One that does not come is an error of which `isPartMissing` holds; the next try asks again. */
export function part<Module extends Record<string, unknown>, Name extends keyof Module & string>(
  load: () => Promise<Module>,
  name: Name,
) {
  const loaded = (): Promise<Module> =>
    load().catch(() => {
      throw missing('A file of it did not come. If the controller was just updated, load the page again.');
    });
  return lazyRouteComponent<Module, Name>(loaded, name);
}

function missing(why: string): ApiError {
  return new ApiError(partMissing, 0, why);
}

export function isPartMissing(error: unknown): boolean {
  return error instanceof ApiError && error.code === partMissing;
}

/**
 * Loads the page again where that can help. Answers with why it does not.
 * @param asked a person wants it, whatever happened a moment ago
 */
export async function reloadForPart(asked: boolean): Promise<ApiError> {
  if (!(await controllerAnswers()))
    return missing('The controller cannot be reached. Try again when it is back.');
  if (!asked && Date.now() - reloadedAt() < againAfterMs)
    return missing(
      'A file of it is missing, also after loading the page again. Is the controller being updated?',
    );
  noteReload();
  location.reload();
  return await new Promise(() => {});
}

async function controllerAnswers(): Promise<boolean> {
  const signal = AbortSignal.timeout(timeoutMs);
  const answer = await fetch(`${prefix}/`, { cache: 'no-store', signal }).catch(() => undefined);
  return answer?.ok === true;
}

function reloadedAt(): number {
  try {
    return Number(sessionStorage.getItem(storageKey) ?? 0);
  } catch {
    // Without storage nothing tells a second time from a first; a person is asked instead.
    return Date.now();
  }
}

function noteReload(): void {
  try {
    sessionStorage.setItem(storageKey, String(Date.now()));
  } catch {
    // As above.
  }
}
