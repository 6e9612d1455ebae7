/** Works on both queues until it is told to stop. `headcount-tasks worker --app ./tasks.js --queues ingest,celery` does the same. */
import { app } from './tasks.ts';

await app.worker({ queues: ['ingest', 'celery'], concurrency: 4 }).run({ handleSignals: true });
await app.close();
