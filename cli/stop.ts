/** Ctrl-C, once for everybody: the first one asks to stop, the second one insists. */

export interface Stop {
  readonly signal: AbortSignal;
  /** Resolves when somebody asked. */
  readonly asked: Promise<void>;
  /** What has to happen even when somebody insists; only what needs no waiting. */
  onInsist(work: () => void): void;
  release(): void;
}

export function listenForStop(): Stop {
  const controller = new AbortController();
  const last: (() => void)[] = [];
  let ask: () => void = () => {};
  const asked = new Promise<void>((resolve) => {
    ask = resolve;
  });
  const heard = (name: NodeJS.Signals): void => {
    if (!controller.signal.aborted) {
      controller.abort();
      ask();
      return;
    }
    for (const work of last) work();
    process.exit(name === 'SIGINT' ? 130 : 143);
  };
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of names) process.on(name, heard);
  return {
    signal: controller.signal,
    asked,
    onInsist: (work) => {
      last.push(work);
    },
    release: () => {
      for (const name of names) process.off(name, heard);
    },
  };
}
