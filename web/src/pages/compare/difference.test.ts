import { describe, expect, it } from 'vitest';

import type { ChartData, Line } from '../../lib/chart/types';
import { differenceFrom, straight } from './difference';

const line = (id: string, y: number[], more: Partial<Line> = {}): Line => ({
  id, name: id, colour: '', dash: [], y: Float32Array.from(y), style: 'spikes', ...more,
}); // prettier-ignore

describe('differences of curves', () => {
  const data: ChartData = {
    x: Float64Array.from([0, 1, 2, 4]),
    width: 0,
    lines: [
      line('ref', [1, NaN, 3, NaN]),
      line('b', [2, 2, 2, 2], {
        low: Float32Array.from([1, 1, 1, 1]),
        high: Float32Array.from([3, 3, 3, 3]),
      }),
    ],
  };

  it('runs straight between values, and nowhere else', () => {
    expect([...straight([0, 1, 2, 4], [NaN, 1, NaN, 4])]).toEqual([NaN, 1, 2, 4]);
    expect([...straight([0, 1], [NaN, NaN])]).toEqual([NaN, NaN]);
  });

  it('puts the reference at zero and takes it from the others', () => {
    const [ref, b] = differenceFrom(data, 'ref').lines;
    expect([...(ref?.y ?? [])]).toEqual([0, NaN, 0, NaN]);
    expect(ref?.low).toBeUndefined();
    expect([...(b?.y ?? [])]).toEqual([1, 0, -1, NaN]);
    expect([...(b?.high ?? [])]).toEqual([2, 1, 0, NaN]);
  });

  it('has nothing to say where the reference lacks the metric', () => {
    expect(differenceFrom(data, 'gone').lines).toEqual([]);
  });
});
