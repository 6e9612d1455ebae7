/** Where this program stands, from the sources and from dist/ alike. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const packageFolder: string = upToPackage(dirname(fileURLToPath(import.meta.url)));

function upToPackage(from: string): string {
  const parent = dirname(from);
  return existsSync(join(from, 'package.json')) || parent === from ? from : upToPackage(parent);
}
