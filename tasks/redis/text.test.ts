import { describe, expect, test } from 'vitest';
import { parseHeld, redeliveredText, wasRedelivered } from './text.ts';

describe('texts that are put back', () => {
  const text =
    '{"body":"Wzld","headers":{"task":"t","id":"i","tenant":9007199254740993,"score":NaN,"far":-Infinity},' +
    '"properties":{"delivery_tag":"tag","priority":3,"delivery_info":{"routing_key":"q"}}}';

  test('large integers and NaN in headers stay as they were', () => {
    const held = parseHeld(`[${text}, "", "q"]`);
    expect(held).toMatchObject({ exchange: '', routingKey: 'q', priority: 3 });
    const { text: back, deliveries } = redeliveredText(held?.message ?? {}, 1);
    expect(deliveries).toBe(1);
    expect(back).toContain('"tenant":9007199254740993,"score":NaN,"far":-Infinity,"redelivered":true');
    expect(redeliveredText(parseHeld(`[${back}, "", "q"]`)?.message ?? {}, 1).deliveries).toBe(2);
  });

  test('whether one was redelivered is told of any text', () => {
    expect(wasRedelivered(text)).toBe(false);
    expect(wasRedelivered(text.replace('"task"', '"redelivered": true,"task"'))).toBe(true);
    expect(wasRedelivered('{"headers": {"redelivered": true}, oops}')).toBe(false);
    expect(wasRedelivered('"redelivered": true')).toBe(false);
  });
});
