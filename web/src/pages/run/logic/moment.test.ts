import { describe, expect, it } from 'vitest';

import { clockKey, clockOf, stepAt, timeAt } from './moment';

describe('clock', () => {
  const clock = clockOf([20, 0, 10, 10, 30], [300, 100, 200, 210, 250]);

  it('keeps what rises in both', () => {
    expect(clock).toEqual({ steps: [0, 10, 20], times: [100, 200, 300] });
  });

  it('converts both ways', () => {
    expect(timeAt(clock, 5)).toBe(150);
    expect(timeAt(clock, 99)).toBe(300);
    expect(timeAt(clock, -1)).toBe(100);
    expect(stepAt(clock, 250)).toBe(15);
    expect(timeAt(clockOf([], []), 1)).toBeNaN();
  });
});

it('chooses the metric that tells the time', () => {
  const one = (n: number, last_step: number) => ({ n, last_step });
  expect(
    clockKey({
      huge: one(1e6, 1e6),
      val: one(100, 1e6),
      short: one(5000, 50),
      'system/x': one(9, 9),
    }),
  ).toBe('val');
  expect(clockKey({})).toBeNull();
  expect(clockKey({ huge: one(1e6, 10) })).toBeNull();
});
