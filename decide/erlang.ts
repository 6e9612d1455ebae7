/**
 * Erlang's queue: requests come at random to slots that serve one each; who finds all of them busy waits in one line. The recursion
 * of the B formula is exact and a line long, so nothing is approximated: the square-root rule is off by a sixth where there are
 * few slots, which is where most web apps are.
 *
 * Real requests vary more, or less, than exponential ones. `spread` stretches the tail of the waits by (1 + variation^2) / 2
 * (Allen and Cunneen); 1 is the exponential law.
 */

export interface Line {
  /** Busy slots in the mean: requests per second times seconds of service. */
  readonly load: number;
  readonly slots: number;
  readonly serviceSeconds: number;
  readonly spread: number;
}

/** Beyond this many slots the recursion is not worth its time: a tenth more than the load is plenty. */
const mostSlots = 50_000;

/** Share of requests that wait longer than so many seconds: 1 when the load is more than the slots can do. */
export function waitsLonger({ load, slots, serviceSeconds, spread }: Line, seconds: number): number {
  if (load <= 0) return 0;
  if (load >= slots) return 1;
  let blocked = 1;
  for (let slot = 1; slot <= slots; slot++) blocked = (load * blocked) / (slot + load * blocked);
  return tail(blocked, { load, slots, serviceSeconds, spread }, seconds);
}

/** The least number of slots with which at most `share` of the requests wait longer than `seconds`. */
export function slotsFor(
  { load, serviceSeconds, spread }: Omit<Line, 'slots'>,
  seconds: number,
  share: number,
): number {
  if (load <= 0) return 0;
  if (load > mostSlots) return Math.ceil(load * 1.1);
  let blocked = 1;
  for (let slots = 1; ; slots++) {
    blocked = (load * blocked) / (slots + load * blocked);
    if (slots > load && tail(blocked, { load, slots, serviceSeconds, spread }, seconds) <= share)
      return slots;
  }
}

/**
 * The same for processes that a router chooses at random, without looking which is free: each is a line of its own with its
 * share of the requests.
 */
export function processesForRandom(
  { load, slots, serviceSeconds, spread }: Line,
  seconds: number,
  share: number,
): number {
  if (load <= 0) return 0;
  const enough = (count: number): boolean =>
    waitsLonger({ load: load / count, slots, serviceSeconds, spread }, seconds) <= share;
  let low = Math.floor(load / slots);
  let high = low + 1;
  for (let doubled = 0; !enough(high) && doubled < 20; doubled++) {
    low = high;
    high *= 2;
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (enough(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** Seconds of service with which so large a share would wait longer than `seconds`: what the waits tell of the service. */
export function serviceFrom(
  perSecond: number,
  slots: number,
  seconds: number,
  share: number,
): number | undefined {
  if (perSecond <= 0 || slots <= 0) return undefined;
  let [low, high] = [0, slots / perSecond];
  for (let halved = 0; halved < 50; halved++) {
    const serviceSeconds = (low + high) / 2;
    const line = { load: perSecond * serviceSeconds, slots, serviceSeconds, spread: 1 };
    if (waitsLonger(line, seconds) > share) high = serviceSeconds;
    else low = serviceSeconds;
  }
  return (low + high) / 2;
}

function tail(blocked: number, { load, slots, serviceSeconds, spread }: Line, seconds: number): number {
  const waits = blocked / (1 - (load / slots) * (1 - blocked));
  if (serviceSeconds <= 0) return 0;
  return waits * Math.exp((-(slots - load) * seconds) / (serviceSeconds * spread));
}
