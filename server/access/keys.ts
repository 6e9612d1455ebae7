/** Keys of programs: each belongs to an organisation and has one role there. better-auth keeps their hashes. */
import type { Role } from '../../store/store.ts';

export interface ApiKey {
  readonly id: string;
  readonly name: string;
  /** How it begins. */
  readonly start: string;
  readonly role: Role;
  readonly by: string;
  readonly createdAt: number;
  readonly expiresAt?: number;
  /** Absent: never. */
  readonly usedAt?: number;
}

export interface Keys {
  list(organisationId: string): Promise<ApiKey[]>;
  /** `secret` is shown once; only its hash is kept. */
  create(
    organisationId: string,
    settings: {
      readonly name: string;
      readonly role: Role;
      readonly by: string;
      readonly expiresInSeconds?: number;
    },
  ): Promise<ApiKey & { readonly secret: string }>;
  /** Answers whether there was one. */
  revoke(organisationId: string, id: string): Promise<boolean>;
  /** Whose key it is; nothing when it is none, was revoked, or has expired. */
  verify(secret: string): Promise<(ApiKey & { readonly organisationId: string }) | undefined>;
}

/** As better-auth has it. */
interface Row {
  readonly id: string;
  readonly name: string | null;
  readonly start: string | null;
  readonly referenceId: string;
  readonly metadata: unknown;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly lastRequest: Date | null;
}

/** The part of better-auth that keys need. */
export interface KeyMaker {
  create(body: {
    name: string;
    userId: string;
    metadata: object;
    expiresIn?: number;
  }): Promise<Row & { key: string }>;
  verify(key: string): Promise<{ valid: boolean; key: Row | null }>;
  rows(referenceId: string): Promise<Row[]>;
  remove(id: string): Promise<void>;
}

/** A key is of an organisation, so that it goes on when the person who made it leaves. */
const referenceOf = (organisationId: string): string => `organisation:${organisationId}`;

export function createKeys(maker: KeyMaker): Keys {
  return {
    list: async (organisationId) => (await maker.rows(referenceOf(organisationId))).map(toKey),
    create: async (organisationId, { name, role, by, expiresInSeconds }) => {
      const made = await maker.create({
        name,
        userId: referenceOf(organisationId),
        metadata: { role, by },
        ...(expiresInSeconds !== undefined && { expiresIn: expiresInSeconds }),
      });
      return { ...toKey(made), secret: made.key };
    },
    revoke: async (organisationId, id) => {
      const rows = await maker.rows(referenceOf(organisationId));
      if (!rows.some((row) => row.id === id)) return false;
      await maker.remove(id);
      return true;
    },
    verify: async (secret) => {
      const { valid, key } = await maker.verify(secret);
      const organisationId = key?.referenceId.match(/^organisation:(\d+)$/)?.[1];
      return valid && key && organisationId ? { ...toKey(key), organisationId } : undefined;
    },
  };
}

const roles: readonly Role[] = ['read-only', 'member', 'admin', 'owner'];

function toKey(row: Row): ApiKey {
  const { role, by } = metadataOf(row.metadata);
  return {
    id: row.id,
    name: row.name ?? '',
    start: row.start ?? '',
    // One that cannot be read may do least.
    role: roles.find((known) => known === role) ?? 'read-only',
    by: typeof by === 'string' ? by : '',
    createdAt: new Date(row.createdAt).getTime(),
    ...(row.expiresAt && { expiresAt: new Date(row.expiresAt).getTime() }),
    ...(row.lastRequest && { usedAt: new Date(row.lastRequest).getTime() }),
  };
}

function metadataOf(metadata: unknown): { role?: unknown; by?: unknown } {
  const value: unknown = typeof metadata === 'string' ? JSON.parse(metadata) : metadata;
  return typeof value === 'object' && value !== null ? value : {};
}
