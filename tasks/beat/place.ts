/** Where a beat's state lives: in the broker, in one step with what it sends, or elsewhere for brokers that keep nothing. */
import type { Broker } from '../broker.ts';
import { TasksError } from '../errors.ts';
import type { BeatStore } from './store.ts';

/** @throws TasksError OPTION_INVALID when the broker keeps nothing */
export function storeIn(broker: Pick<Broker, 'beat'>, name: string, address: string): BeatStore {
  if (broker.beat) return broker.beat(name);
  throw new TasksError(
    'OPTION_INVALID',
    'The beat has no place for its state',
    `the broker of the form ${address.split(':')[0]}: keeps messages only`,
    'Give beat({ state: "redis://…" }), beat({ state: "postgresql://…" }) or beat({ state: "sqlite:…" })',
  );
}

/**
 * State in one place, messages in another: no step covers both. The slot is claimed first, so that two beats never send it;
 * a beat that dies between the two has lost this one run, and a send that fails is unclaimed and made again, which sends
 * twice if the broker had it all the same, with the same id.
 */
export function storeBeside(store: BeatStore, publish: Broker['publish']): BeatStore {
  return {
    ...store,
    swap: async ({ send, ...claim }) => {
      const result = await store.swap(claim);
      if (!send || result !== 'done') return result;
      try {
        await publish(send.queue, send.messages);
      } catch (error) {
        await store.swap({ ...claim, from: claim.to, to: claim.from });
        throw error;
      }
      return result;
    },
  };
}
