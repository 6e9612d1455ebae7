import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, describe, expect, test } from 'vitest';
import { freshDatabase, has, temporaryFolder } from '../checks/fixtures.ts';
import { openStore, type StorePlace } from './open.ts';
import { createVault, keysIn, newKey, type Vault } from './vault.ts';

const [one, two] = [newKey(), newKey()];
const secrets = ['token-of-music', 'amqp-password', 'heroku-key', 'hook-secret', 'cookie-secret'] as const;
const [token, meterSecret, fleetSecret, notifierSecret, settingSecret] = secrets;

test('any text comes back, each time sealed otherwise, and for its own place only', () => {
  const vault = createVault([one]);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (given) => {
      const sealed = vault.seal(given, 'a');
      expect(vault.open(sealed, 'a')).toBe(Buffer.from(given, 'utf8').toString('utf8'));
      expect(vault.seal(given, 'a')).not.toBe(sealed);
      expect(() => vault.open(sealed, 'b')).toThrow('was changed after it was sealed');
      expect(vault.isCurrent(sealed)).toBe(true);
    }),
  );
});

test('a sealed text with any character changed does not open', () => {
  const vault = createVault([one]);
  const sealed = vault.seal('amqp://user:password@broker', 'a');
  const start = sealed.lastIndexOf(':') + 1;
  fc.assert(
    // The last character carries bits that base64 ignores.
    fc.property(fc.integer({ min: start, max: sealed.length - 2 }), (at) => {
      const other = sealed[at] === 'A' ? 'B' : 'A';
      expect(() => vault.open(sealed.slice(0, at) + other + sealed.slice(at + 1), 'a')).toThrow();
    }),
  );
});

test('a key is 32 bytes, as base64 or hexadecimal; the error does not tell it', () => {
  const texts = [Buffer.from(one).toString('base64'), Buffer.from(two).toString('hex')];
  expect(keysIn(texts.join(', ')).map((key) => Buffer.from(key))).toEqual([
    Buffer.from(one),
    Buffer.from(two),
  ]);
  expect(() => keysIn('too-short')).toThrow(/stands for \d+ bytes, and a key has 32/);
  expect(() => keysIn('too-short')).not.toThrow(/too-short/);
  expect(() => keysIn(`${texts[0]},`)).toThrow('part 2');
});

describe('embedded', () => {
  const folder = temporaryFolder('vault');
  afterAll(() => folder.remove());
  sealsAndRotates(() => ({ folder: `${folder.path}/store` }));
});

describe.skipIf(!has('postgresUrl'))('PostgreSQL', () => {
  let database: Awaited<ReturnType<typeof freshDatabase>> | undefined;
  afterAll(async () => await database?.drop());
  sealsAndRotates(async () => {
    database ??= await freshDatabase();
    return { databaseUrl: database.url };
  });
});

function sealsAndRotates(placeOf: () => StorePlace | Promise<StorePlace>): void {
  test('no secret stands in the tables; keys change; a key that is missing is named', async () => {
    const place = await placeOf();
    await fill(place, createVault([]));
    expect(await rowsOf(place)).toContain(token);
    // What was plain is sealed when a key comes.
    expect(await told(place, createVault([one]))).toEqual(secrets);
    const sealed = await rowsOf(place);
    for (const secret of secrets) expect(sealed).not.toContain(secret);
    // A new key in front, then the old one away.
    expect(await told(place, createVault([two, one]))).toEqual(secrets);
    expect(await told(place, createVault([two]))).toEqual(secrets);
    await expect(openStore(place, createVault([one]))).rejects.toMatchObject({
      code: 'SECRETS_LOCKED',
      message: expect.stringContaining('secret.key'),
    });
    await expect(openStore(place)).rejects.toThrow('no key is known here');
    const before = await rowsOf(place);
    expect(await told(place, createVault([two]))).toEqual(secrets);
    expect(await rowsOf(place)).toBe(before);
  });
}

async function fill(place: StorePlace, vault: Vault): Promise<void> {
  const store = await openStore(place, vault);
  const fleet = { use: 'heroku', options: { key: fleetSecret } };
  const app = await store.apps.create({ name: 'music', token, fleet, createdAt: 1 });
  const meters = [{ use: 'celery-rabbitmq', options: { url: meterSecret } }];
  const settings = { processType: 'worker', rules: [], limits: [], minimum: 0, maximum: 1, paused: false };
  await store.managers.create(app.id, { ...settings, meters }, 1);
  const notifier = { use: 'webhook', options: { secret: notifierSecret } };
  const tells = {
    opened: true,
    resolved: false,
    scaled: false,
    leastSeverity: 'warning',
    groupSeconds: 0,
  } as const;
  await store.channels.create({ name: 'hook', notifier, tells }, 1);
  await store.settings.set('auth.secret', settingSecret);
  await store.close();
}

/** The five secrets as the store tells them. */
async function told(place: StorePlace, vault: Vault): Promise<unknown[]> {
  const store = await openStore(place, vault);
  try {
    const app = await store.apps.get('music');
    const manager = await store.managers.get(app?.id ?? '', 'worker');
    const [channel] = await store.channels.list();
    return [
      app?.token,
      manager?.meters[0]?.options['url'],
      app?.fleet.options['key'],
      channel?.notifier.options['secret'],
      await store.settings.get('auth.secret'),
    ];
  } finally {
    await store.close();
  }
}

/** All rows of the sealed tables, as text, past every key. */
async function rowsOf(place: StorePlace): Promise<string> {
  const known = createVault([one, two]);
  // Opens with whatever key sealed it last, and seals nothing anew.
  const store = await openStore(place, { ...known, isCurrent: () => true });
  try {
    const { rows } = await sql<{ text: string }>`
      select (select json_agg(apps)::text from apps) || (select json_agg(managers)::text from managers)
        || (select json_agg(channels)::text from channels) || (select json_agg(settings)::text from settings) as text`.execute(
      store.kysely,
    );
    return rows[0]?.text ?? '';
  } finally {
    await store.close();
  }
}
