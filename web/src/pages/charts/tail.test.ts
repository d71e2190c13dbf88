import { describe, expect, it } from 'vitest';
import { frameOf } from '../../lib/series.fixture';
import { mergeTail, outgrown, tailStart } from './tail';

const base = frameOf({
  x: [0, 8, 16], width: 8, runs: ['a', 'b'], keys: ['loss'], stats: ['last', 'count'], from: 16,
  series: [
    { run: 0, columns: [[1, 2, 3], [8, 8, 2]], points: 18 },
    { run: 1, columns: [[4, 5, NaN], [8, 8, NaN]], points: 16 },
  ],
}); // prettier-ignore

describe('live ticks', () => {
  it('asks from the last bucket on, or from where the server says the past may change', () => {
    expect(tailStart(base)).toBe(16);
    const earlier = frameOf({
      x: [0, 8],
      width: 8,
      runs: [],
      keys: [],
      stats: [],
      series: [],
      from: 3,
    });
    expect(tailStart(earlier)).toBe(3);
  });

  it('replaces the last bucket and puts new ones behind; others stay as they are', () => {
    const tail = frameOf({
      x: [16, 24], width: 8, runs: ['a', 'b'], keys: ['loss'], stats: ['last', 'count'], from: 24,
      series: [{ run: 0, columns: [[3.5, 4], [8, 1]], points: 9 }],
    }); // prettier-ignore
    const merged = mergeTail(base, tail, 16);
    expect([...(merged?.x ?? [])]).toEqual([0, 8, 16, 24]);
    expect([...(merged?.column(0, 'last') ?? [])]).toEqual([1, 2, 3.5, 4]);
    expect([...(merged?.column(1, 'last') ?? [])]).toEqual([4, 5, NaN, NaN]);
    expect(merged?.header.n).toBe(4);
    expect(merged?.header.series.map((one) => one.points)).toEqual([25, 16]);
    expect(merged?.header.from).toBe(24);
  });

  it('keeps counting right over many ticks', () => {
    let frame = base;
    for (let i = 0; i < 3; i++) {
      const tail = frameOf({
        x: [16], width: 8, runs: ['a', 'b'], keys: ['loss'], stats: ['last', 'count'], from: 16,
        series: [{ run: 0, columns: [[3 + i], [3 + i]], points: 3 + i }],
      }); // prettier-ignore
      frame = mergeTail(frame, tail, 16) ?? frame;
    }
    expect(frame.header.series[0]?.points).toBe(16 + 5);
    expect(frame.x).toHaveLength(3);
  });

  it('gives up where the answer does not fit: another width, or a new series', () => {
    const wider = frameOf({
      x: [16], width: 16, runs: ['a'], keys: ['loss'], stats: ['last', 'count'],
      series: [{ run: 0, columns: [[1], [1]] }],
    }); // prettier-ignore
    expect(mergeTail(base, wider, 16)).toBeNull();
    const other = frameOf({
      x: [16], width: 8, runs: ['c'], keys: ['loss'], stats: ['last', 'count'],
      series: [{ run: 0, columns: [[1], [1]] }],
    }); // prettier-ignore
    expect(mergeTail(base, other, 16)).toBeNull();
  });

  it('changes nothing but the counts when nothing is new', () => {
    const none = frameOf({
      x: [],
      width: 0,
      runs: ['a', 'b'],
      keys: ['loss'],
      stats: ['last', 'count'],
      series: [],
    });
    const merged = mergeTail(base, none, 24);
    expect([...(merged?.column(0, 'last') ?? [])]).toEqual([1, 2, 3]);
  });

  it('says when the buckets became too many', () => {
    expect(outgrown(base, 100)).toBe(false);
    expect(outgrown({ ...base, header: { ...base.header, n: 300 } }, 100)).toBe(true);
  });
});
