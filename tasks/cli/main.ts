/** The program: runs its command line and ends with its code, whatever a lost connection still waits for. */
import { main } from './program.ts';

const exitLimitMs = 2_000;

// Who reads may have read enough: `| head`.
process.stdout.on('error', () => process.exit());
process.exitCode = await main(process.argv);
setTimeout(() => process.exit(), exitLimitMs).unref();
