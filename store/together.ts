/**
 * Calls that come while others are under way go together with the next statement: alone nobody waits, and a thousand at once
 * are a few statements. Collecting for a fixed time was rejected, because then every call would wait for it.
 */

/** At most so many calls in one statement, and so many statements at a time. */
export interface Width {
  readonly calls: number;
  readonly statements: number;
}

interface Waiting<In, Out> {
  readonly asked: In;
  resolve(answer: Out): void;
  reject(error: unknown): void;
}

/** @param work answers as many as it was asked, in their order; what it throws, all of them get */
export function together<In, Out>(
  width: Width,
  work: (asked: readonly In[]) => Promise<readonly Out[]>,
): (asked: In) => Promise<Out> {
  const queue: Waiting<In, Out>[] = [];
  let runningCount = 0;
  const run = async (batch: readonly Waiting<In, Out>[]): Promise<void> => {
    try {
      const answers = await work(batch.map(({ asked }) => asked));
      for (const [index, { resolve }] of batch.entries()) resolve(answers[index] as Out);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  };
  const begin = (): void => {
    while (runningCount < width.statements && queue.length > 0) {
      runningCount += 1;
      void run(queue.splice(0, width.calls)).then(() => {
        runningCount -= 1;
        begin();
      });
    }
  };
  return (asked) =>
    new Promise((resolve, reject) => {
      queue.push({ asked, resolve, reject });
      begin();
    });
}
