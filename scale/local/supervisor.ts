/** Knows every local process: who exists, who is hired and who goes when the number changes, who hears which news. */
import type { Formation } from '../../decide/words.ts';
import { lowestFreeIndex, victims } from './choose.ts';
import {
  clear,
  ended,
  enter,
  type Habitat,
  type Life,
  lose,
  newLife,
  reported,
  start,
  started,
  stop,
  toProcess,
} from './life.ts';
import type { News } from './protocol.ts';

export interface Supervisor {
  formation(): Formation;
  /** Those in `first` go before others. */
  scaleTo(desired: Readonly<Record<string, number>>, first?: readonly string[]): void;
  /** Of each named type these are to take no new jobs, the others take jobs. */
  drain(quiet: Readonly<Record<string, readonly string[]>>): void;
  hear(news: News): void;
  /** These were left by an earlier controller and are being ended. */
  inherit(names: readonly string[]): void;
  /** The keeper died: all that it kept is being ended. */
  lose(): void;
  /** Nothing of what was inherited or lost is left. */
  clear(): void;
  stopAll(): void;
}

export function supervise(processTypes: readonly string[], surroundings: Omit<Habitat, 'gone'>): Supervisor {
  const lives = new Map<string, Life>();
  const habitat: Habitat = { ...surroundings, gone: (life) => lives.delete(life.name) };
  const { now, log } = habitat;
  const all = (): Life[] => [...lives.values()].toSorted((a, b) => a.index - b.index);
  const each = (act: (life: Life, habitat: Habitat) => void): void => {
    for (const life of all()) act(life, habitat);
  };
  const ofType = (type: string): Life[] => all().filter((life) => life.type === type);

  function hire(type: string): void {
    const returning = ofType(type).find((life) => life.lost && life.state === 'stopping');
    if (returning) {
      enter(returning, 'starting', habitat);
      return;
    }
    const index = lowestFreeIndex(ofType(type).map((life) => life.index));
    const life = newLife(type, index, now());
    lives.set(life.name, life);
    void start(life, habitat);
  }

  function hear(news: News): void {
    if (news.is === 'ready') return;
    if (news.is === 'line') {
      log(news.name, news.text);
      return;
    }
    const life = lives.get(news.name);
    if (!life?.kept || life.lost) return;
    if (news.is === 'ended') ended(life, news, habitat);
    else if (news.is === 'started') started(life, news.pid, habitat);
    else reported(life, news, habitat);
  }

  return {
    hear,
    formation: () => Object.fromEntries(processTypes.map((type) => [type, ofType(type).map(toProcess)])),
    scaleTo(desired, first) {
      for (const [type, count] of Object.entries(desired)) {
        const staying = ofType(type).filter((life) => life.state !== 'stopping');
        for (const life of victims(staying, staying.length - count, first)) stop(life, habitat);
        for (let missing = count - staying.length; missing > 0; missing--) hire(type);
      }
    },
    drain(quiet) {
      for (const [type, names] of Object.entries(quiet))
        for (const life of ofType(type)) {
          const wanted = names.includes(life.name);
          // Only who has reported can hear; one that has heard is not told again.
          if (life.busy === undefined || wanted === (life.quietSince !== undefined)) continue;
          habitat.send({ do: 'drain', name: life.name, quiet: wanted });
        }
    },
    inherit(names) {
      for (const name of names) {
        const [type = '', index] = name.split('.');
        lives.set(name, {
          ...newLife(type, Number(index), now()),
          state: 'stopping',
          kept: true,
          lost: true,
        });
      }
    },
    lose: () => each(lose),
    clear: () => each(clear),
    stopAll: () => each(stop),
  };
}
