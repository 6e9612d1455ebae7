/**
 * What a thread runs. A loader of TypeScript that the process was started with (`--import tsx`) does not reach its threads
 * on Node 20, so a thread that needs one gets it by a first line of its own.
 */
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

export function addressOf(module: string | URL): string {
  return module instanceof URL || /^(file|data|node):/.test(module)
    ? String(module)
    : pathToFileURL(module).href;
}

/** @param module address of the module that defines the tasks */
export function programFor(module: string): URL {
  const inSource = import.meta.url.endsWith('.ts');
  const program = new URL(inSource ? './thread.ts' : './thread.js', import.meta.url);
  const loader = inSource || /\.[mc]?ts$/.test(module) ? tsxFrom([module, import.meta.url]) : undefined;
  if (!loader) return program;
  const text = `import{register}from${JSON.stringify(loader)};register();await import(${JSON.stringify(program)})`;
  return new URL(`data:text/javascript,${encodeURIComponent(text)}`);
}

/** Undefined where Node reads TypeScript by itself, and where there is no tsx: then loading the module says so. */
function tsxFrom(places: readonly string[]): string | undefined {
  if ((process.features as { typescript?: unknown }).typescript) return undefined;
  for (const place of places.filter((one) => one.startsWith('file:')))
    try {
      // Resolved for `require`, tsx/esm/api is another file, which does not load in a thread.
      const tsx = pathToFileURL(createRequire(fileURLToPath(place)).resolve('tsx/package.json'));
      return new URL('dist/esm/api/index.mjs', tsx).href;
    } catch {
      // Not installed there.
    }
  return undefined;
}
