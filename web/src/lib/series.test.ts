import { describe, expect, it } from 'vitest';
import { decodeSeries, SeriesError } from './series';
import { encodeSeries } from './series.fixture';

describe('series', () => {
  const answer = encodeSeries({
    x: [0, 8, 16],
    width: 8,
    runs: ['a', 'b'],
    keys: ['loss'],
    stats: ['min', 'max'],
    series: [
      { run: 0, columns: [[1, NaN, 3], [2, NaN, Infinity]] }, // prettier-ignore
      { run: 1, columns: [[4, 5, 6], [7, 8, 9]] }, // prettier-ignore
    ],
  });

  it('reads columns without copying them', () => {
    const frame = decodeSeries(answer);
    expect([...frame.x]).toEqual([0, 8, 16]);
    expect([...(frame.column(0, 'max') ?? [])]).toEqual([2, NaN, Infinity]);
    expect([...(frame.column(1, 'min') ?? [])]).toEqual([4, 5, 6]);
    expect(frame.column(1, 'min')?.buffer).toBe(answer);
  });

  it('says undefined for what was not asked for', () => {
    const frame = decodeSeries(answer);
    expect(frame.column(0, 'mean')).toBeUndefined();
    expect(frame.column(9, 'min')).toBeUndefined();
  });

  it('refuses answers that are cut off or of another version', () => {
    expect(() => decodeSeries(answer.slice(0, 3))).toThrow(SeriesError);
    expect(() => decodeSeries(answer.slice(0, 40))).toThrow(SeriesError);
    expect(() => decodeSeries(answer.slice(0, -4)).column(1, 'max')).toThrow(SeriesError);
    const newer = encodeSeries({
      x: [],
      width: 0,
      runs: [],
      keys: [],
      stats: [],
      series: [],
      version: 2,
    });
    expect(() => decodeSeries(newer)).toThrow(/version 2/);
  });

  it('reads float64 where the answer is exact', () => {
    const exact = encodeSeries({
      x: [0],
      width: 0,
      runs: ['a'],
      keys: ['k'],
      stats: ['last'],
      dtype: 'f8',
      series: [{ run: 0, columns: [[0.1]] }],
    });
    expect(decodeSeries(exact).column(0, 'last')?.[0]).toBe(0.1);
  });
});
