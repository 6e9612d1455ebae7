/** The ingest API as a process: listens on PORT until it is told to stop, and lets running uploads finish. */
import { createApi } from './ingest.ts';
import { Problem } from './problem.ts';
import { readSettings } from './settings.ts';

/** A stop waits this long for uploads in the middle; their keys make a repeat harmless. */
const graceMs = 10_000;

try {
  const settings = readSettings();
  const api = createApi(settings);
  const stop = (): void => {
    setTimeout(() => process.exit(1), graceMs).unref();
    api.close().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
  api.server.once('error', (error: NodeJS.ErrnoException) => {
    const why = error.code === 'EADDRINUSE' ? 'something listens there already' : error.message;
    console.error(`Port ${settings.port} cannot be used: ${why}. Set PORT to a free one.`);
    process.exit(1);
  });
  api.server.listen(settings.port, settings.host, () =>
    console.log(`ingest API on http://${settings.host}:${settings.port}, queue "${settings.queue}"`),
  );
} catch (error) {
  console.error(error instanceof Problem ? error.message : error);
  process.exitCode = 1;
}
