/** Secrets of the file beside those of the controller, which never tells them: dots stand where both are the same. */
import type { Choice } from '../../server/api.ts';
import { HeadcountError } from '../../server/errors.ts';
import { hidden } from '../../server/settings.ts';

/** Where a choice stands; with an index, an option and a value it is what the controller is asked. */
export interface Where {
  readonly app?: string;
  readonly processType?: string;
  readonly channel?: string;
  readonly side: 'fleets' | 'meters' | 'rules' | 'limits' | 'notifiers';
}

export interface Held extends Where {
  readonly index: number;
  readonly use: string;
  readonly option: string;
  readonly value: string;
}

/** Whether the controller has this very secret there. */
export type Verdict = (held: Held) => boolean;

/**
 * The choices as they are to be sent: a secret that is as it was is dots, as the controller shows it.
 *
 * @throws HeadcountError CONFIG_INVALID for dots that stand for nothing
 */
export function settled(
  where: Where,
  given: readonly Choice[],
  stored: readonly Choice[],
  same: Verdict,
): Choice[] {
  return given.map(({ use, options }, index) => {
    const before = stored[index]?.use === use ? stored[index] : stored.find((one) => one.use === use);
    const shown = Object.entries(options).map(([option, value]) => {
      const isSecret = before?.options[option] === hidden;
      if (value === hidden && !isSecret) throw unset(where, use, option);
      if (typeof value !== 'string' || value === hidden || !isSecret) return [option, value];
      return [option, same({ ...where, index, use, option, value }) ? hidden : value];
    });
    return { use, options: Object.fromEntries(shown) as Choice['options'] };
  });
}

function unset({ app, processType, channel, side }: Where, use: string, option: string): HeadcountError {
  const place = [channel && `channel "${channel}"`, app, processType, side, use, option].filter(Boolean);
  return new HeadcountError(
    'CONFIG_INVALID',
    'The configuration cannot be applied',
    `${place.join(' ')}: its environment variable is not set, and the controller has no secret there yet`,
    'Set the variable, and run it again.',
  );
}
