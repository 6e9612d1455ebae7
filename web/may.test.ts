import { expect, test } from 'vitest';
import { mayWith } from './may.ts';

const roles = ['read-only', 'member', 'admin', 'owner'] as const;

test('a button is offered to the role it needs and those above, and says to others who may', () => {
  for (const [at, own] of roles.entries())
    for (const [needed, least] of roles.entries()) {
      const may = mayWith(least, [{ id: '1', role: own }], '1');
      expect([own, least, may.disabled ?? false]).toEqual([own, least, at < needed]);
      if (may.disabled) expect(may.title).toContain(`Your role is ${own}`);
    }
});

test('the role counts in the organisation of the thing; where that is not known, the highest', () => {
  const both = [
    { id: '1', role: 'read-only' },
    { id: '2', role: 'owner' },
  ] as const;
  expect(mayWith('admin', both, '1')).toMatchObject({ disabled: true });
  expect(mayWith('admin', both, '2')).toEqual({});
  expect(mayWith('admin', both)).toEqual({});
});

test('nobody is kept from anything while no role is known', () => {
  expect(mayWith('owner', [])).toEqual({});
  expect(mayWith('owner', [{ id: '1', role: 'read-only' }], '2')).toEqual({});
});
