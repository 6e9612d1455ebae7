/** `memsample` and `memdump`: Celery's two commands against a suspected leak. Each sample is of this whole process. */
const mostSamples = 1_000;
const samples: string[] = [];

/** What the process takes now; `memdump` tells it again later. */
export function sampleMemory(): string {
  const now = shown();
  samples.push(now);
  if (samples.length > mostSamples) samples.shift();
  return now;
}

/** @param most how many samples, spread evenly from the first to the last */
export function dumpMemory(most: number): string {
  const wanted = Number.isSafeInteger(most) && most > 0 ? most : 10;
  const every = Math.max(1, Math.ceil(samples.length / wanted));
  const spread = samples.filter((_, at) => at % every === 0);
  const lines = spread.map((sample) => `-    > ${sample},`);
  return [...(lines.length > 0 ? ['- rss (sample):', ...lines] : []), `- rss (end): ${shown()}.`, ''].join(
    '\n',
  );
}

function shown(): string {
  return `${Math.round(process.memoryUsage.rss() / 1e6)}MB`;
}
