/** One worker process: takes lines from the queue, one at a time, until it is told to stop. */
import { Problem } from './problem.ts';
import { createTasks } from './tasks.ts';

try {
  const { app } = createTasks();
  await app.worker({ concurrency: 1, prefetch: 8, graceSeconds: 20 }).run({ handleSignals: true });
  await app.close();
} catch (error) {
  console.error(error instanceof Problem ? error.message : error);
  process.exitCode = 1;
}
