import { describe, expect, it } from 'vitest';

import { heatOf, readHistogram, thin } from './histogram';

describe('heatOf', () => {
  it('puts histograms with other edges on one grid', () => {
    const a = readHistogram({ counts: [10, 10], edges: [0, 1, 2], n: 20, min: 0, max: 2 });
    const b = readHistogram({ counts: [20], edges: [2, 4], n: 20 });
    const { edges, columns } = heatOf([a, b], 4);
    expect(edges).toEqual([0, 1, 2, 3, 4]);
    expect(columns).toEqual([
      [1, 1, 0, 0],
      [0, 0, 1, 1],
    ]);
  });

  it('survives empty ones and a single value', () => {
    expect(heatOf([readHistogram({})])).toEqual({ edges: [], columns: [] });
    const one = readHistogram({ counts: [5], edges: [3, 3] });
    expect(heatOf([one], 2).columns[0]?.some((v) => v === 1)).toBe(true);
  });
});

it('thins many, keeping both ends', () => {
  const all = Array.from({ length: 100 }, (_, i) => i);
  const few = thin(all, 7);
  expect(few).toHaveLength(7);
  expect([few[0], few.at(-1)]).toEqual([0, 99]);
  expect(thin([1, 2], 7)).toEqual([1, 2]);
});
