import { expect, test } from 'vitest';
import { readyText } from '../../server/ready.ts';
import type { Behind } from '../../server/recorder.ts';
import type { Rounds } from '../../server/rounds.ts';
import { wordsOfBehind } from './history-behind.tsx';

const said = (behind: Behind): string | undefined =>
  wordsOfBehind(readyText({ rounds: { behind: () => behind } as Rounds }));

test('what the controller says about a store that is away is shown, and nothing else', () => {
  expect(said({ keptCount: 0, droppedCount: 0 })).toBeUndefined();
  expect(said({ keptCount: 0, droppedCount: 7 })).toBeUndefined();
  expect(said({ since: 1, keptCount: 12, droppedCount: 0 })).toBe(
    'the store does not answer: 12 records wait for it',
  );
  expect(said({ since: 1, keptCount: 12, droppedCount: 3 })).toBe(
    'the store does not answer: 12 records wait for it, 3 were dropped',
  );
  expect(wordsOfBehind('stopping')).toBeUndefined();
  expect(wordsOfBehind('<!doctype html>')).toBeUndefined();
});
