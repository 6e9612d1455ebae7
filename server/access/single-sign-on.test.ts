/** Single sign-on in headcount.yaml. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { temporaryFolder } from '../../checks/fixtures.ts';
import { loadConfig } from '../config.ts';

const folder = temporaryFolder('single-sign-on');
afterAll(() => folder.remove());

const load = (text: string) => {
  writeFileSync(join(folder.path, 'headcount.yaml'), text);
  return loadConfig(undefined, { cwd: folder.path, env: { OIDC_SECRET: 's3cret' } });
};

test('is read with its secret from the environment', async () => {
  const text = `singleSignOn: { name: Acme, issuer: https://id.acme.example, clientId: hc, clientSecret: "\${OIDC_SECRET}" }`;
  expect((await load(text)).singleSignOn).toEqual({
    name: 'Acme',
    issuer: 'https://id.acme.example',
    clientId: 'hc',
    clientSecret: 's3cret',
  });
});

test('a misspelt key is answered with what was meant', async () => {
  const text = 'singleSignOn: { name: Acme, isuer: https://id.acme.example, clientId: hc, clientSecret: x }';
  await expect(load(text)).rejects.toThrow(/isuer.*did you mean "issuer"/s);
});
