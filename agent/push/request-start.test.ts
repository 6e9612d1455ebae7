import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { waitedMs } from './request-start.ts';

const now = 1_767_225_600_500;
const waited = (header: unknown): number | undefined =>
  waitedMs({ 'x-request-start': header as string }, now);

describe('X-Request-Start', () => {
  test.each([
    ['milliseconds, Heroku', '1767225600400', 100],
    ['seconds', '1767225600', 500],
    ['seconds with a point, nginx', '1767225600.400', 100],
    ['microseconds', '1767225600400000', 100],
    ['nanoseconds', '1767225600400000000', 100],
    ['t= and seconds', 't=1767225600.400', 100],
    ['t= and milliseconds', 't=1767225600400', 100],
    ['t= and microseconds, Apache', 't=1767225600400000', 100],
    ['t= and nanoseconds', ' t = 1767225600400000000', 100],
    ['a clock that is ahead', '1767225600900', 0],
  ])('%s', (_name, header, expected) => {
    expect(waited(header)).toBeCloseTo(expected, -1);
  });

  test.each([
    ['over a minute', '1767225540000'],
    ['a minute ahead', '1767225670000'],
    ['no number', 'soon'],
    ['empty', ''],
    ['negative', '-1767225600400'],
    ['a number of no unit', '42'],
    ['a list', ['1767225600400', '1767225600400']],
    ['nothing', undefined],
    ['very long', '1'.repeat(100_000)],
  ])('%s says nothing', (_name, header) => {
    expect(waited(header)).toBeUndefined();
  });

  test('X-Queue-Start is read where there is no other', () => {
    expect(waitedMs({ 'x-queue-start': 't=1767225600400' }, now)).toBe(100);
  });

  test('whatever is written, the wait is from 0 to a minute, or none', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.integer().map(String), fc.double().map(String)), (header) => {
        const value = waited(header) ?? 0;
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(60_000);
      }),
    );
  });
});
