/**
 * How better-auth is set up: people with a password, a second factor, passkeys and single sign-on; keys of programs; sessions.
 * What of it a browser may reach stands in doors.ts; the rest is called from inside only.
 */
import { apiKey } from '@better-auth/api-key';
import { passkey } from '@better-auth/passkey';
import { isAPIError } from 'better-auth/api';
import { genericOAuth, twoFactor } from 'better-auth/plugins';
import type { Logger } from 'pino';
import type { OpenStore } from '../../store/open.ts';
import { wordsOf } from '../clock.ts';
import { hashPassword, verifyPassword } from './password.ts';

/** A provider of OpenID Connect, such as a company's own. */
export interface SingleSignOn {
  /** As the button says it. */
  readonly name: string;
  /** Of the provider; `/.well-known/openid-configuration` is looked for below it. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

export interface Given {
  readonly db: OpenStore['kysely'];
  readonly secret: string;
  readonly log: Logger;
  readonly publicUrl: string | undefined;
  readonly singleSignOn: SingleSignOn | undefined;
  /** Hands the token of a reset to whoever may have it. */
  tellReset(person: { readonly email: string; readonly name: string }, token: string): Promise<void>;
}

/** Header in which http.ts tells the address of the other end; what a client wrote there is overwritten. */
export const peerHeader = 'x-headcount-peer';
export const passwordLengths = { minimum: 12, maximum: 128 };
export const resetSeconds = 3600;
export const providerId = 'single-sign-on';

export function authOptions({ db, secret, log, publicUrl, singleSignOn, tellReset }: Given) {
  return {
    appName: 'Headcount',
    basePath: '/api/auth',
    // With its path: better-auth adds its own to an address without one only.
    ...(publicUrl && { baseURL: `${publicUrl}/api/auth` }),
    secret,
    database: { db, type: 'postgres' as const },
    emailAndPassword: {
      enabled: true,
      disableSignUp: true,
      minPasswordLength: passwordLengths.minimum,
      maxPasswordLength: passwordLengths.maximum,
      password: { hash: hashPassword, verify: verifyPassword },
      resetPasswordTokenExpiresIn: resetSeconds,
      revokeSessionsOnPasswordReset: true,
      sendResetPassword: async ({ user, token }: { user: { email: string; name: string }; token: string }) =>
        await tellReset(user, token),
    },
    user: { modelName: 'people' },
    session: { modelName: 'sessions', expiresIn: 7 * 24 * 3600, updateAge: 24 * 3600 },
    account: {
      modelName: 'accounts',
      accountLinking: { enabled: true, trustedProviders: [] },
      encryptOAuthTokens: true,
    },
    verification: { modelName: 'verifications' },
    // A request from another page is refused before it gets here; better-auth looks too, and a proxy may speak https.
    trustedOrigins: (request?: Request) => (request ? ownOrigins(request) : []),
    onAPIError: {
      errorURL: `${publicUrl ?? ''}/login`,
      onError: (error: unknown) => log[isAPIError(error) ? 'debug' : 'error'](`auth: ${wordsOf(error)}`),
    },
    rateLimit: {
      enabled: true,
      window: 60,
      max: 300,
      customRules: {
        '/sign-in/email': { window: 60, max: 8 },
        '/two-factor/*': { window: 60, max: 12 },
        '/request-password-reset': { window: 60, max: 3 },
      },
    },
    advanced: {
      cookiePrefix: 'headcount',
      useSecureCookies: publicUrl?.startsWith('https:') ?? false,
      ipAddress: { ipAddressHeaders: [peerHeader] },
    },
    telemetry: { enabled: false },
    logger: {
      level: 'warn' as const,
      log: (level: string, message: string) => log[level === 'error' ? 'warn' : 'debug'](`auth: ${message}`),
    },
    plugins: plugins(publicUrl, singleSignOn),
  };
}

function plugins(publicUrl: string | undefined, singleSignOn: SingleSignOn | undefined) {
  return [
    twoFactor({ issuer: 'Headcount', twoFactorTable: 'two_factors', allowPasswordless: true }),
    passkey({
      rpName: 'Headcount',
      ...(publicUrl && { origin: new URL(publicUrl).origin }),
      schema: { passkey: { modelName: 'passkeys' } },
    }),
    apiKey({
      defaultPrefix: 'hc_',
      enableMetadata: true,
      // How often a program asks is its own affair; what it may do is not.
      rateLimit: { enabled: false },
      startingCharactersConfig: { shouldStore: true, charactersLength: 7 },
      keyExpiration: { minExpiresIn: 0, maxExpiresIn: 3_650 },
      schema: { apikey: { modelName: 'api_keys' } },
    }),
    genericOAuth({
      config: singleSignOn
        ? [
            {
              providerId,
              discoveryUrl: `${singleSignOn.issuer.replace(/\/+$/, '')}/.well-known/openid-configuration`,
              clientId: singleSignOn.clientId,
              clientSecret: singleSignOn.clientSecret,
              scopes: ['openid', 'profile', 'email'],
              pkce: true,
              requireIdTokenVerification: true,
            },
          ]
        : [],
    }),
  ];
}

function ownOrigins({ url }: Request): string[] {
  const { host } = new URL(url);
  return [`http://${host}`, `https://${host}`];
}
