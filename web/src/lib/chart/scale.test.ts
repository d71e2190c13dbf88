import { expect, it } from 'vitest';
import { logText, tickText, timeText } from './axes';
import { placer, symlogThreshold, unplacer } from './scale';

it.each(['linear', 'log', 'symlog'] as const)('%s goes there and back', (kind) => {
  const range = { low: kind === 'log' ? 0.01 : -50, high: 100 };
  const threshold = symlogThreshold(range);
  const there = placer(kind, range, threshold);
  const back = unplacer(kind, range, threshold);
  expect([there(range.low), there(range.high)]).toEqual([0, 1]);
  for (const value of [range.low, 0.5, 7, range.high])
    expect(back(there(value))).toBeCloseTo(value, 6);
});

it('puts what a log axis cannot show far below', () => {
  expect(placer('log', { low: 1, high: 10 })(0)).toBe(-Infinity);
});

it('writes ticks with as many digits as tell them apart', () => {
  expect(tickText([0, 0.25, 0.5])).toEqual(['0', '0.25', '0.50']);
  expect(tickText([0, 0.1, 0.2])).toEqual(['0', '0.1', '0.2']);
  expect(tickText([0, 500, 1000], true)).toEqual(['0', '500', '1000']);
  expect(tickText([0, 10_000, 20_000], true)).toEqual(['0', '10k', '20k']);
  expect(tickText([3])).toEqual(['3']);
  expect(logText([1, null, 1000])).toEqual(['1', '', '1,000']);
});

it('writes the day where it changes', () => {
  const at = (day: number, hour: number) => new Date(2026, 10, day, hour).getTime() / 1000;
  expect(timeText([at(1, 22), at(2, 0), at(2, 2)], 7200)).toEqual(['22:00', '2 Nov', '02:00']);
});
