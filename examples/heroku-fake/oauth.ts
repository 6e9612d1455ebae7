/** Makes keys as id.heroku.com does for an OAuth client: they end, and the refresh token makes the next. */
import { randomUUID } from 'node:crypto';
import { Refusal } from './refusal.ts';
import type { Answer } from './routes.ts';

export interface OAuthOptions {
  readonly clientSecret: string;
  readonly refreshToken: string;
  /** A key ends after so long. Default: eight hours, as at Heroku. */
  readonly tokenSeconds?: number;
}

export interface OAuth {
  /** @param form the body, as a form */
  make(form: string, type: string | undefined): Answer;
  lets(key: string): boolean;
  /** Ends every key at once, as a person does who revokes them. */
  revoke(): void;
}

const mostKeys = 100;

export function createOAuth(given: OAuthOptions, now: () => number): OAuth {
  const seconds = given.tokenSeconds ?? 28_800;
  const ends = new Map<string, number>();
  return {
    make(form, type) {
      if (!type?.startsWith('application/x-www-form-urlencoded'))
        throw new Refusal(400, 'invalid_request', 'The body must be a form.');
      const fields = new URLSearchParams(form);
      if (fields.get('grant_type') !== 'refresh_token')
        throw new Refusal(400, 'unsupported_grant_type', 'The grant type is not known.');
      if (fields.get('client_secret') !== given.clientSecret)
        throw new Refusal(401, 'invalid_client', 'The client is not known.');
      if (fields.get('refresh_token') !== given.refreshToken)
        throw new Refusal(
          400,
          'invalid_grant',
          `The refresh token ${fields.get('refresh_token')} is not known.`,
        );
      const key = `HRKU-${randomUUID()}`;
      for (const old of [...ends.keys()].slice(0, Math.max(0, ends.size + 1 - mostKeys))) ends.delete(old);
      ends.set(key, now() + seconds * 1_000);
      const rest = { expires_in: seconds, refresh_token: given.refreshToken, token_type: 'Bearer' };
      return { status: 200, body: { access_token: key, ...rest } };
    },
    lets: (key) => now() < (ends.get(key) ?? Number.NEGATIVE_INFINITY),
    revoke: () => ends.clear(),
  };
}
