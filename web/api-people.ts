/** The controller's API for people, organisations, keys and the audit log, beside api.ts; and what logging in takes. */
import type {
  Account,
  ApiKey,
  AuditPage,
  Invitation,
  InvitationLook,
  LogInWays,
  Member,
  NewInvitation,
  NewKey,
  Organisation,
  Role,
  Session,
} from '../server/api-people.ts';
import { ApiError, call } from './api.ts';

const at = (organisation: string): string => `/api/organisations/${encodeURIComponent(organisation)}`;

/** `twoFactorRedirect`: the password was right, and a code is asked for. */
export interface LoggedIn {
  readonly twoFactorRedirect?: boolean;
}

export interface SecondFactor {
  readonly totpURI: string;
  readonly backupCodes: string[];
}

export const peopleApi = {
  ways: (signal?: AbortSignal) => call<LogInWays>('GET', '/api/log-in', undefined, signal),
  logIn: (email: string, password: string) =>
    call<LoggedIn>('POST', '/api/auth/sign-in/email', { email, password }),
  verifyCode: (code: string, isBackup: boolean) =>
    call<unknown>('POST', `/api/auth/two-factor/verify-${isBackup ? 'backup-code' : 'totp'}`, { code }),
  singleSignOn: (callbackURL: string) =>
    call<{ url: string }>('POST', '/api/auth/sign-in/social', { provider: 'single-sign-on', callbackURL }),
  askReset: (email: string) => call<unknown>('POST', '/api/auth/request-password-reset', { email }),
  reset: (token: string, newPassword: string) =>
    call<unknown>('POST', '/api/auth/reset-password', { token, newPassword }),
  lookInvitation: (token: string) => call<InvitationLook>('POST', '/api/invitations/look', { token }),
  accept: (body: { token: string; name?: string; password?: string }) =>
    call<unknown>('POST', '/api/invitations/accept', body),

  account: (signal?: AbortSignal) => call<Account>('GET', '/api/me/account', undefined, signal),
  sessions: (signal?: AbortSignal) => call<Session[]>('GET', '/api/me/sessions', undefined, signal),
  endSession: (id: string) => call<unknown>('DELETE', `/api/me/sessions/${encodeURIComponent(id)}`),
  changePassword: (currentPassword: string, newPassword: string) =>
    call<unknown>('POST', '/api/auth/change-password', {
      currentPassword,
      newPassword,
      revokeOtherSessions: true,
    }),
  enableSecondFactor: (password: string) =>
    call<SecondFactor>('POST', '/api/auth/two-factor/enable', password ? { password } : {}),
  disableSecondFactor: (password: string) =>
    call<unknown>('POST', '/api/auth/two-factor/disable', password ? { password } : {}),
  removePasskey: (id: string) => call<unknown>('POST', '/api/auth/passkey/delete-passkey', { id }),

  choose: (id: string) => call<unknown>('PUT', '/api/me/organisation', { id }),
  addOrganisation: (name: string) => call<Organisation>('POST', '/api/organisations', { name }),
  rename: (organisation: string, name: string) => call<unknown>('PATCH', at(organisation), { name }),
  members: (organisation: string, signal?: AbortSignal) =>
    call<Member[]>('GET', `${at(organisation)}/members`, undefined, signal),
  changeMember: (organisation: string, id: string, role: Role) =>
    call<unknown>('PATCH', `${at(organisation)}/members/${encodeURIComponent(id)}`, { role }),
  removeMember: (organisation: string, id: string) =>
    call<unknown>('DELETE', `${at(organisation)}/members/${encodeURIComponent(id)}`),
  invitations: (organisation: string, signal?: AbortSignal) =>
    call<Invitation[]>('GET', `${at(organisation)}/invitations`, undefined, signal),
  invite: (organisation: string, email: string, role: Role) =>
    call<NewInvitation>('POST', `${at(organisation)}/invitations`, { email, role }),
  withdraw: (organisation: string, id: string) =>
    call<unknown>('DELETE', `${at(organisation)}/invitations/${encodeURIComponent(id)}`),
  keys: (organisation: string, signal?: AbortSignal) =>
    call<ApiKey[]>('GET', `${at(organisation)}/keys`, undefined, signal),
  createKey: (organisation: string, body: { name: string; role: Role; expiresInDays?: number }) =>
    call<NewKey>('POST', `${at(organisation)}/keys`, body),
  revokeKey: (organisation: string, id: string) =>
    call<unknown>('DELETE', `${at(organisation)}/keys/${encodeURIComponent(id)}`),
  audit: (before: string | undefined, signal?: AbortSignal) =>
    call<AuditPage>('GET', `/api/audit?limit=50${before ? `&before=${before}` : ''}`, undefined, signal),
};

/** Asks the browser for a new passkey and gives it to the controller. */
export async function addPasskey(name: string): Promise<void> {
  const options = await call<PublicKeyCredentialCreationOptionsJSON>(
    'GET',
    '/api/auth/passkey/generate-register-options',
  );
  const made = await asked(() =>
    navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) }),
  );
  await call<unknown>('POST', '/api/auth/passkey/verify-registration', { response: made.toJSON(), name });
}

/** Logs in by a passkey of this browser. */
export async function logInByPasskey(): Promise<void> {
  const options = await call<PublicKeyCredentialRequestOptionsJSON>(
    'GET',
    '/api/auth/passkey/generate-authenticate-options',
  );
  const found = await asked(() =>
    navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) }),
  );
  await call<unknown>('POST', '/api/auth/passkey/verify-authentication', { response: found.toJSON() });
}

/** Browsers offer passkeys on https and localhost only. */
export function knowsPasskeys(): boolean {
  return 'PublicKeyCredential' in window && 'parseCreationOptionsFromJSON' in PublicKeyCredential;
}

async function asked(ask: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  const given = await ask().catch(() => null);
  if (given instanceof PublicKeyCredential) return given;
  throw new ApiError('PASSKEY', 0, 'The browser gave no passkey: it was cancelled, or there is none here.');
}
