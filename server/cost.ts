/**
 * What processes cost, from how many of them ran. Pure: the hours come from the store's roll-ups, the prices from the fleet.
 *
 * Nothing is made up. An hour in which nothing was recorded is in no sum and is counted apart; a process type of which the
 * fleet tells no price has hours and no money. "Always on" is the other way to run the same work: the highest mean count of
 * any hour, kept up for all known hours. A single minute may have needed more, so what was saved is rather more than said.
 * The forecast takes the mean of the last seven days for the hours that are left; a trend over a month was rejected, since
 * work comes by the week.
 */
export interface UsedStep {
  /** Where the step begins, in milliseconds. */
  readonly at: number;
  readonly hours: number;
  readonly processHours: number;
  readonly peak: number;
}

export interface CostSpan {
  /** When the span begins, or the manager was made. */
  readonly from: number;
  /** Now, or the end of the span where that is past. */
  readonly to: number;
  /** When the span ends. */
  readonly until: number;
}

export interface TypeCost {
  readonly hours: number;
  readonly unknownHours: number;
  readonly processHours: number;
  readonly peak: number;
  readonly alwaysOnHours: number;
  /** Of processes by the end of the span. Absent: too little is known. */
  readonly forecastHours?: number;
  /** Money, where a price is known. */
  readonly money?: Money;
}

export interface Money {
  readonly pricePerHour: number;
  readonly spent: number;
  readonly alwaysOn: number;
  readonly saved: number;
  readonly forecast?: number;
}

const hourMs = 3_600_000;
const rateMs = 7 * 24 * hourMs;

export function costOf(
  steps: readonly UsedStep[],
  pricePerHour: number | undefined,
  span: CostSpan,
): TypeCost {
  const { hours, processHours } = summed(steps);
  const peak = steps.reduce((most, step) => Math.max(most, step.peak), 0);
  const spanHours = Math.max(0, span.to - span.from) / hourMs;
  const forecastHours = forecastOf(steps, processHours, span);
  const use = {
    hours,
    // A checkup in an hour makes it known, so the first and the last may be known for longer than they were.
    unknownHours: Math.max(0, Math.floor(spanHours - hours)),
    processHours,
    peak,
    alwaysOnHours: peak * hours,
    ...(forecastHours !== undefined && { forecastHours }),
  };
  return pricePerHour === undefined ? use : { ...use, money: priced(use, pricePerHour) };
}

function priced(use: Omit<TypeCost, 'money'>, pricePerHour: number): Money {
  const spent = use.processHours * pricePerHour;
  const alwaysOn = use.alwaysOnHours * pricePerHour;
  return {
    pricePerHour,
    spent,
    alwaysOn,
    saved: Math.max(0, alwaysOn - spent),
    ...(use.forecastHours !== undefined && { forecast: use.forecastHours * pricePerHour }),
  };
}

function forecastOf(
  steps: readonly UsedStep[],
  processHours: number,
  { to, until }: CostSpan,
): number | undefined {
  const recent = summed(steps.filter(({ at }) => at > to - rateMs));
  if (recent.hours < 1) return undefined;
  const left = Math.max(0, until - to) / hourMs;
  return processHours + (recent.processHours / recent.hours) * left;
}

function summed(steps: readonly UsedStep[]): { hours: number; processHours: number } {
  return steps.reduce(
    (sum, step) => ({
      hours: sum.hours + step.hours,
      processHours: sum.processHours + step.processHours,
    }),
    { hours: 0, processHours: 0 },
  );
}
