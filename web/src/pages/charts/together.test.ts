import { describe, expect, it } from 'vitest';
import type { SeriesRequest, Stat } from '../../api/types';
import type { SeriesFrame } from '../../lib/series';
import { askTogether, partOf } from './together';

const entry = (run: number, key: number) => ({
  run, key, rank: 0, points: 1, at: 0, nan: 0, posinf: 0, neginf: 0, first_x: 0, last_x: 0,
}); // prettier-ignore

/** Values of loss at 0 1 2 and of acc at 2 alone, of the runs a and b. */
function frameOf(keys: readonly string[]): SeriesFrame {
  const values: Record<string, number[]> = { loss: [3, 2, 1], acc: [NaN, NaN, 0.5] };
  const series = keys.flatMap((_, key) => [entry(0, key), entry(1, key)]);
  const header = {
    version: 1, axis: 'step', width: 0, n: 3, x: { dtype: 'f8', at: 0 }, runs: ['a', 'b'],
    keys: [...keys], stats: ['last'] as Stat[], dtype: 'f4' as const, series, missing: [], from: 2,
  }; // prettier-ignore
  const column = (i: number) => {
    const own = values[keys[series[i]?.key ?? -1] ?? ''];
    return own && Float32Array.from(own);
  };
  return { header, x: Float64Array.of(0, 1, 2), column };
}

const request = (keys: string[], low = 0): SeriesRequest => ({
  runs: ['a', 'b'], keys, x: 'step', low, high: null, buckets: 100, stats: ['last'], smoothing: null,
}); // prettier-ignore

describe('series asked together', () => {
  it('come from one question, and each gets its own', async () => {
    const asked: SeriesRequest[] = [];
    const ask = (one: SeriesRequest) => {
      asked.push(one);
      return Promise.resolve(frameOf(one.keys));
    };
    const [loss, acc, older] = await Promise.all([
      askTogether(request(['loss']), ask),
      askTogether(request(['acc']), ask),
      askTogether(request(['loss'], -5), ask),
    ]);
    expect(asked.map((one) => [one.low, one.keys])).toEqual([
      [0, ['loss', 'acc']],
      [-5, ['loss']],
    ]);
    expect([...loss.x]).toEqual([0, 1, 2]);
    expect([...acc.x]).toEqual([2]);
    expect(acc.header).toMatchObject({ keys: ['acc'], n: 1, from: 2 });
    expect(acc.header.series.map((one) => [one.run, one.key])).toEqual([
      [0, 0],
      [1, 0],
    ]);
    expect([...(acc.column(1, 'last') ?? [])]).toEqual([0.5]);
    expect(older.header.keys).toEqual(['loss']);
  });

  it('fail together', async () => {
    const ask = () => Promise.reject(new Error('away'));
    const all = [askTogether(request(['loss']), ask), askTogether(request(['acc']), ask)];
    const ends = await Promise.allSettled(all);
    expect(ends.map((end) => end.status)).toEqual(['rejected', 'rejected']);
  });

  it('are left as they are where one asked for all', () => {
    const frame = frameOf(['loss', 'acc']);
    expect(partOf(frame, ['acc', 'loss'])).toBe(frame);
  });
});
