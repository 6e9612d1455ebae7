/** Every adapter that can be chosen, from the registries. */
import { type LimitKind, limits, type RuleKind, rules } from '../decide/registry.ts';
import type { MeterKind } from '../measure/meter.ts';
import { meters } from '../measure/registry.ts';
import type { NotifierKind } from '../notify/notifier.ts';
import { notifiers } from '../notify/registry.ts';
import type { FleetKind } from '../scale/fleet.ts';
import { fleets } from '../scale/registry.ts';

export interface Kinds {
  readonly meters: readonly MeterKind[];
  readonly rules: readonly RuleKind[];
  readonly limits: readonly LimitKind[];
  readonly fleets: readonly FleetKind[];
  readonly notifiers: readonly NotifierKind[];
}

/** What the product ships; tests bring their own. */
export const shippedKinds: Kinds = { meters, rules, limits, fleets, notifiers };
