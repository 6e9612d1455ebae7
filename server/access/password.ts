/** How passwords are kept: scrypt by OWASP's parameters, and those of older versions, which are weaker, can still log in. */
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { verifyPassword as verifyOld } from 'better-auth/crypto';

/** N = 2^15, r = 8, p = 3: 32 MB per hash. https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html */
const cost = { N: 2 ** 15, r: 8, p: 3 };
const keyBytes = 32;

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(password, salt);
  return ['scrypt', cost.N, cost.r, cost.p, salt.toString('base64'), key.toString('base64')].join('$');
}

export async function verifyPassword(given: { hash: string; password: string }): Promise<boolean> {
  const [kind, , , , salt = '', key = ''] = given.hash.split('$');
  if (kind !== 'scrypt') return await verifyOld(given);
  const expected = Buffer.from(key, 'base64');
  const actual = await derive(given.password, Buffer.from(salt, 'base64'));
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

function derive(password: string, salt: Buffer): Promise<Buffer> {
  const options: ScryptOptions = { ...cost, maxmem: 64 * 1024 * 1024 };
  return new Promise((resolve, reject) =>
    scrypt(password.normalize('NFKC'), salt, keyBytes, options, (error, key) =>
      error ? reject(error) : resolve(key),
    ),
  );
}
