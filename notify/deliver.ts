/** What every notifier that posts JSON does the same: send, and tell a refusal in a sentence that can be acted on. */
import { HeadcountError } from '../decide/errors.ts';
import type { Post } from './notifier.ts';

export interface Delivery {
  /** Who receives it, as a person calls it: `Slack`. */
  readonly to: string;
  readonly url: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What to do when it is refused. */
  readonly todo: string;
}

/** @throws HeadcountError NOTIFY_FAILED */
export async function deliver(post: Post, delivery: Delivery, signal: AbortSignal): Promise<void> {
  const { to, url, body, headers, todo } = delivery;
  const answer = await post({
    url,
    headers: { 'content-type': 'application/json', ...headers },
    body,
    signal,
  }).catch((error: unknown) => {
    throw notifyFailed(to, error instanceof Error ? error.message : String(error), todo, error);
  });
  if (answer.status >= 200 && answer.status < 300) return;
  const said = answer.text.trim().slice(0, 200);
  throw notifyFailed(to, `it answered ${answer.status}${said ? `: ${said}` : ''}`, todo);
}

export function notifyFailed(to: string, why: string, todo: string, cause?: unknown): HeadcountError {
  return new HeadcountError('NOTIFY_FAILED', `${to} did not take the message`, why, todo, { cause });
}

/** An option that holds the address of a webhook: whoever knows it can post, so it is a secret. */
export function problemsWithUrl(name: string, value: unknown): string[] {
  const url = URL.canParse(String(value)) ? new URL(String(value)) : undefined;
  if (url && (url.protocol === 'https:' || url.protocol === 'http:')) return [];
  return [`option "${name}" must be an address that begins with https://`];
}
