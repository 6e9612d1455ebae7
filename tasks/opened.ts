/** A connection or a file that is opened once, on first use; an attempt that failed is made again by the next caller. */
export interface Opened<T> {
  get(): Promise<T>;
  close(): Promise<void>;
}

export function opened<T extends { close(): Promise<void> }>(open: () => Promise<T>): Opened<T> {
  let promise: Promise<T> | undefined;
  return {
    get: () => {
      promise ??= open().catch((error: unknown) => {
        promise = undefined;
        throw error;
      });
      return promise;
    },
    close: async () => {
      const last = promise;
      promise = undefined;
      await (await last?.catch(() => undefined))?.close();
    },
  };
}
