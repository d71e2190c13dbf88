import { expect, it } from 'vitest';
import { listed, nearestIndex, nearestReading, readings } from './nearest';
import type { ChartData } from './types';

const data: ChartData = {
  x: Float64Array.from([0, 10, 20, 30]),
  width: 0,
  lines: [
    [1, 2, 3, 4],
    [NaN, 5, NaN, NaN],
    [NaN, NaN, NaN, NaN],
  ].map((y, i) => ({
    id: `${i}`,
    name: '',
    colour: '',
    dash: [],
    y: Float64Array.from(y),
    style: 'plain',
  })),
};

it('finds the nearest point or bucket', () => {
  expect([-5, 4, 6, 26, 99].map((x) => nearestIndex(data.x, x))).toEqual([0, 0, 1, 3, 3]);
  expect(nearestIndex(Float64Array.of(), 1)).toBe(-1);
  expect(nearestIndex(Float64Array.from([0, 8, 16]), 15, 8)).toBe(1);
});

it('reads each line at the cursor, or the nearest value it has', () => {
  expect(readings(data, 2)).toEqual([
    { line: 0, index: 2, value: 3 },
    { line: 1, index: 1, value: 5 },
  ]);
  expect(readings(data, 3, 0)).toHaveLength(1);
});

it('chooses the line under the pointer', () => {
  const all = readings(data, 1);
  expect(nearestReading(all, (value) => value * 10, 47)).toBe(1);
  expect(nearestReading([], (value) => value, 0)).toBe(-1);
});

it('lists around the nearest, from the highest down', () => {
  const all = Array.from({ length: 40 }, (_, i) => ({ line: i, index: 0, value: i }));
  const list = listed(all, 30, 5);
  expect(list.map((one) => one.value)).toEqual([32, 31, 30, 29, 28]);
  expect(listed(all, 39, 5)[0]?.value).toBe(39);
});
