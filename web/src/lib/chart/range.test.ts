import { describe, expect, it } from 'vitest';
import { extent, indexRange, lowerBound, padded } from './range';
import type { ChartData, Line } from './types';

const line = (id: string, y: number[], more: Partial<Line> = {}): Line => ({
  id, name: id, colour: '#000000', dash: [], y: Float64Array.from(y), style: 'plain', ...more,
}); // prettier-ignore
const data = (lines: Line[]): ChartData => ({
  x: Float64Array.from(lines[0]?.y ?? [], (_, i) => i),
  width: 0,
  lines,
});
const ramp = Array.from({ length: 200 }, (_, i) => i / 200);

describe('range', () => {
  it('finds places on x', () => {
    const x = Float64Array.from([0, 2, 4, 6]);
    expect([lowerBound(x, 2), lowerBound(x, 2, true), lowerBound(x, 7)]).toEqual([1, 2, 4]);
    expect(indexRange(x, { low: 1, high: 4 })).toEqual([1, 3]);
    expect(indexRange(x, null)).toEqual([0, 4]);
  });

  it('shows all where nothing sticks out', () => {
    const found = extent(data([line('a', ramp)]), null, 'linear');
    expect(found.low).toBeLessThanOrEqual(0);
    expect(found.high).toBeGreaterThanOrEqual(199 / 200);
    expect(found.above).toEqual([]);
  });

  it('leaves outliers out of the axis, and says which lines go beyond', () => {
    const spike = [...ramp];
    spike[100] = 1000;
    const found = extent(data([line('a', ramp), line('b', spike)]), null, 'linear');
    expect(found.high).toBeLessThan(2);
    expect(found.above).toEqual(['b']);
    expect(found.full.high).toBe(1000);
  });

  it('includes them when asked to', () => {
    const spike = [...ramp.slice(1), -500];
    const found = extent(data([line('a', spike)]), null, 'linear', false);
    expect(found.low).toBeLessThan(-499);
    expect(found.below).toEqual([]);
  });

  it('counts spikes that only min and max of a bucket know', () => {
    const high = Float64Array.from(ramp);
    high[7] = 99;
    const found = extent(
      data([line('a', ramp, { low: Float64Array.from(ramp), high })]),
      null,
      'linear',
    );
    expect(found.above).toEqual(['a']);
  });

  it('does not count the raw values behind a smoothed line', () => {
    const high = Float64Array.from(ramp, () => 50);
    const found = extent(
      data([line('a', ramp, { low: high, high, style: 'ghost' })]),
      null,
      'linear',
    );
    expect(found.high).toBeLessThan(2);
    expect(found.above).toEqual([]);
  });

  it('ignores what a log axis cannot show, NaN and infinities', () => {
    const found = extent(data([line('a', [0, -1, NaN, Infinity, 0.01, 100])]), null, 'log', false);
    expect(found.full).toEqual({ low: 0.01, high: 100 });
  });

  it('has a range for nothing and for a constant', () => {
    expect(extent(data([]), null, 'linear')).toMatchObject({ low: 0, high: 1 });
    const same = extent(data([line('a', [3, 3, 3])]), null, 'linear');
    expect(same.low).toBeLessThan(3);
    expect(same.high).toBeGreaterThan(3);
  });

  it('looks at the part in view only', () => {
    const found = extent(data([line('a', [100, 1, 2, 3])]), { low: 1, high: 3 }, 'linear');
    expect(found.high).toBeLessThan(4);
  });

  it('pads upwards from zero, not below it', () => {
    expect(padded({ low: 0, high: 10 }, 'linear').low).toBe(0);
    expect(padded({ low: 1, high: 100 }, 'log').low).toBeGreaterThan(0);
  });
});
