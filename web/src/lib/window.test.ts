import { describe, expect, it } from 'vitest';
import { columnWindow, offsetsOf, recycled, rowWindow } from './window';

describe('window', () => {
  it('has the rows in view and some more, never beyond the ends', () => {
    expect(rowWindow(0, 280, 28, 10_000, 6)).toEqual({ first: 0, end: 16 });
    expect(rowWindow(2800, 280, 28, 10_000, 6)).toEqual({ first: 94, end: 116 });
    expect(rowWindow(2800, 280, 28, 90, 6)).toEqual({ first: 90, end: 90 });
  });

  it('has the columns in view', () => {
    const offsets = offsetsOf([100, 50, 200, 80]);
    expect(offsets).toEqual([0, 100, 150, 350, 430]);
    expect(columnWindow(offsets, 120, 100, 0)).toEqual({ first: 1, end: 3 });
    expect(columnWindow(offsets, 0, 1000, 1)).toEqual({ first: 0, end: 4 });
  });

  it('leaves rows in their elements while it scrolls', () => {
    const before = recycled({ first: 0, end: 8 }, 10);
    const after = recycled({ first: 3, end: 11 }, 10);
    const same = before.filter((row, place) => row >= 3 && after[place] === row);
    expect(same).toEqual([3, 4, 5, 6, 7]);
    expect(after.filter((row) => row >= 0).sort((a, b) => a - b)).toEqual([
      3, 4, 5, 6, 7, 8, 9, 10,
    ]);
  });
});
