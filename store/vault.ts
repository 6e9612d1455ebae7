/**
 * Keeps what a copy of the database must not tell: the options of fleets, meters and notifiers (credentials of platforms,
 * addresses of brokers), the tokens of apps, and the settings. Each is sealed by itself with AES-256-GCM and a fresh nonce, and
 * names the key that sealed it, so that keys can change while the controller runs.
 *
 * All options of a choice are sealed, not only those that an adapter calls secret: an address often carries a password. Sealing
 * inside PostgreSQL (pgcrypto) was rejected: the key would travel in every statement and stand in the server's logs. What a seal
 * does not do: whoever may write to the database can put one row's sealed text in another row of the same column.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { HeadcountError } from '../decide/errors.ts';
import type { Choice } from '../decide/words.ts';
import { json } from './values.ts';

export interface Vault {
  /** @param place the column it is for; it opens for no other */
  seal(text: string, place: string): string;
  /** What was never sealed comes back as it is. @throws HeadcountError SECRETS_LOCKED */
  open(text: string, place: string): string;
  /** Whether this is how `seal` would keep it now: with the newest key, or without one. */
  isCurrent(text: string): boolean;
}

/** A choice as its column has it. */
export interface SealedChoice {
  readonly use: string;
  readonly sealed: string;
}

const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;
const keyBytes = 32;
const sealedText = /^sealed:1:([0-9a-f]{8}):([\w-]+)$/;

/** The columns that are sealed. */
export const places = {
  token: 'apps.token',
  fleet: 'apps.fleet',
  meters: 'managers.meters',
  notifier: 'channels.notifier',
  settings: 'settings.value',
} as const;

/** @param keys 32 bytes each: the first seals, all of them open; with none, nothing is sealed */
export function createVault(keys: readonly Uint8Array[]): Vault {
  const byId = new Map(keys.map((key) => [idOf(key), key]));
  const [first] = keys;
  return {
    seal: (text, place) => (first ? `sealed:1:${idOf(first)}:${encrypted(first, text, place)}` : text),
    open: (text, place) => {
      const [, id, sealed] = sealedText.exec(text) ?? [];
      if (id === undefined || sealed === undefined) return text;
      const key = byId.get(id);
      if (!key) throw locked(id, [...byId.keys()]);
      return decrypted(key, sealed, place);
    },
    isCurrent: (text) => sealedText.exec(text)?.[1] === (first && idOf(first)),
  };
}

/** JSON for the column of a choice. */
export function sealChoice(vault: Vault, choice: Choice, place: string): string {
  const { use, ...rest } = choice;
  const text = json(rest);
  const sealed = vault.seal(text, place);
  return json(sealed === text ? choice : { use, sealed });
}

export function sealMeters(vault: Vault, meters: readonly Choice[]): string {
  return `[${meters.map((meter) => sealChoice(vault, meter, places.meters)).join(',')}]`;
}

export function openChoice(vault: Vault, kept: Choice | SealedChoice, place: string): Choice {
  if (!('sealed' in kept)) return kept;
  return { use: kept.use, ...(JSON.parse(vault.open(kept.sealed, place)) as Omit<Choice, 'use'>) };
}

/**
 * @param text keys as base64 or hexadecimal, with commas between them, the newest first
 * @throws HeadcountError CONFIG_INVALID, which does not tell them
 */
export function keysIn(text: string): Uint8Array[] {
  const parts = text.split(',').map((part) => part.trim());
  return parts.map((part, i) => {
    const key = Buffer.from(part, /^[0-9a-f]{64}$/i.test(part) ? 'hex' : 'base64');
    if (key.length === keyBytes) return key;
    throw new HeadcountError(
      'CONFIG_INVALID',
      'HEADCOUNT_SECRET_KEY cannot be used',
      `its ${parts.length > 1 ? `part ${i + 1} ` : 'text '}stands for ${key.length} bytes, and a key has ${keyBytes}`,
      'Make one with "openssl rand -base64 32".',
    );
  });
}

export function newKey(): Uint8Array {
  return randomBytes(keyBytes);
}

/** What tells one key from another without telling the key. */
export function idOf(key: Uint8Array): string {
  return createHash('sha256').update('headcount key').update(key).digest('hex').slice(0, 8);
}

function encrypted(key: Uint8Array, text: string, place: string): string {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, key, nonce).setAAD(Buffer.from(place));
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url');
}

function decrypted(key: Uint8Array, sealed: string, place: string): string {
  const bytes = Buffer.from(sealed, 'base64url');
  const nonce = bytes.subarray(0, nonceBytes);
  const tag = bytes.subarray(nonceBytes, nonceBytes + tagBytes);
  try {
    const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
    decipher.setAAD(Buffer.from(place)).setAuthTag(tag);
    const body = bytes.subarray(nonceBytes + tagBytes);
    return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8');
  } catch (error) {
    throw new HeadcountError(
      'SECRETS_LOCKED',
      'A secret in the store cannot be opened',
      `what ${place} holds was changed after it was sealed`,
      'Enter it again, or restore a backup.',
      { cause: error },
    );
  }
}

function locked(id: string, known: readonly string[]): HeadcountError {
  return new HeadcountError(
    'SECRETS_LOCKED',
    'The secrets in the store cannot be opened',
    `they were sealed with the key ${id}, and ${known.length > 0 ? `known here is ${known.join(', ')}` : 'no key is known here'}`,
    'Set HEADCOUNT_SECRET_KEY to that key, or put its secret.key back into the data folder.',
  );
}
