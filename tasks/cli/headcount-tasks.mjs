#!/usr/bin/env node
/** The installed command. In a checkout that was never built it says how to build, instead of a stack trace. */
import { existsSync } from 'node:fs';

const main = new URL('../dist/cli/main.js', import.meta.url);
if (existsSync(main)) await import(main.href);
else {
  console.error(
    'headcount-tasks is not built yet: tasks/dist/ is missing. Run "npm run build" in the checkout, then try again.',
  );
  process.exitCode = 1;
}
