/** The shapes of people, organisations, keys and the audit log, as api.ts has those of apps. */
import { z } from '@hono/zod-openapi';
import { roleName } from './api.ts';

export const newPassword = z.string().min(12).max(128);
export const personName = z.string().trim().min(1).max(100);
const secretText = z.string().min(1).max(200);

export const logInWays = z
  .object({ singleSignOn: z.string().optional(), resetByMail: z.boolean() })
  .openapi('LogInWays', { description: 'Without `singleSignOn` there is none; else what its button says.' });

export const account = z
  .object({
    hasPassword: z.boolean(),
    secondFactor: z.boolean(),
    passkeys: z.array(
      z.object({ id: z.string(), name: z.string().optional(), createdAt: z.number().optional() }),
    ),
  })
  .openapi('Account');

export const session = z
  .object({
    id: z.string(),
    createdAt: z.number(),
    expiresAt: z.number(),
    address: z.string().optional(),
    /** As the browser names itself. */
    agent: z.string().optional(),
    isCurrent: z.boolean(),
  })
  .openapi('Session');

export const organisationSettings = z
  .object({ name: z.string().trim().min(1).max(80) })
  .openapi('OrganisationSettings');

export const organisation = z
  .object({ id: z.string(), name: z.string(), role: roleName })
  .openapi('Organisation', { description: 'With the role that you have in it.' });

export const member = z
  .object({
    id: z.string(),
    name: z.string(),
    email: z.string(),
    role: roleName,
    joinedAt: z.number(),
    secondFactor: z.boolean(),
    isYou: z.boolean(),
  })
  .openapi('Member');

export const memberChange = z.object({ role: roleName }).openapi('MemberChange');

export const invitationSettings = z
  .object({ email: z.email().max(254), role: roleName })
  .openapi('InvitationSettings');

export const invitation = z
  .object({
    id: z.string(),
    email: z.string(),
    role: roleName,
    invitedBy: z.string(),
    createdAt: z.number(),
    expiresAt: z.number(),
  })
  .openapi('Invitation');

export const newInvitation = invitation
  .extend({ token: z.string(), mailed: z.boolean() })
  .openapi('NewInvitation', { description: '`token` is for the link `/join#token=…`; it is shown once.' });

export const invitationToken = z.object({ token: secretText }).openapi('InvitationToken');

export const invitationLook = z
  .object({ organisation: z.string(), email: z.string(), role: roleName, hasAccount: z.boolean() })
  .openapi('InvitationLook');

export const acceptance = z
  .object({ token: secretText, name: personName.optional(), password: newPassword.optional() })
  .openapi('Acceptance', { description: 'With name and password for who has no account yet.' });

export const keySettings = z
  .object({
    name: z.string().trim().min(1).max(32),
    role: roleName,
    expiresInDays: z.number().int().min(1).max(3_650).optional(),
  })
  .openapi('ApiKeySettings');

export const apiKey = z
  .object({
    id: z.string(),
    name: z.string(),
    /** How it begins. */
    start: z.string(),
    role: roleName,
    by: z.string(),
    createdAt: z.number(),
    expiresAt: z.number().optional(),
    /** Absent: never. */
    usedAt: z.number().optional(),
  })
  .openapi('ApiKey');

export const newKey = apiKey
  .extend({ secret: z.string() })
  .openapi('NewApiKey', { description: '`secret` is shown once.' });

export const auditEntry = z
  .object({
    id: z.string(),
    at: z.number(),
    who: z.string(),
    by: z.string(),
    address: z.string(),
    /** In plain words, with what it was made to. */
    said: z.string(),
    action: z.string(),
    subject: z.string(),
    before: z.unknown().optional(),
    after: z.unknown().optional(),
  })
  .openapi('AuditEntry', {
    description:
      'One change. `said` has it in plain words, with what it was made to. `before` and `after` hold what differs, secrets as dots.',
  });

export const auditPage = z
  .object({ entries: z.array(auditEntry), next: z.string().optional() })
  .openapi('AuditPage', { description: 'Newest first. `next` goes into `before` for the page after.' });

export type LogInWays = z.infer<typeof logInWays>;
export type Account = z.infer<typeof account>;
export type Session = z.infer<typeof session>;
export type Organisation = z.infer<typeof organisation>;
export type Role = z.infer<typeof roleName>;
export type Member = z.infer<typeof member>;
export type Invitation = z.infer<typeof invitation>;
export type NewInvitation = z.infer<typeof newInvitation>;
export type InvitationLook = z.infer<typeof invitationLook>;
export type ApiKey = z.infer<typeof apiKey>;
export type NewKey = z.infer<typeof newKey>;
export type AuditEntry = z.infer<typeof auditEntry>;
export type AuditPage = z.infer<typeof auditPage>;
