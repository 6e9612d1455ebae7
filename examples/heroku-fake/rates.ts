/** Heroku's limit of calls: a bucket of 4,500 tokens per account that gets 75 back each minute. */
export interface Bucket {
  /** False when it is empty. */
  take(): boolean;
  remaining(): number;
  set(remaining: number): void;
}

export const bucketSize = 4_500;
export const refillPerMinute = 75;

export function createBucket(now: () => number, size = bucketSize): Bucket {
  let tokens = size;
  let at = now();
  const refill = (): void => {
    tokens = Math.min(size, tokens + ((now() - at) / 60_000) * refillPerMinute);
    at = now();
  };
  return {
    take() {
      refill();
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
    remaining() {
      refill();
      return Math.floor(tokens);
    },
    set(remaining) {
      refill();
      tokens = remaining;
    },
  };
}
