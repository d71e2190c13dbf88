import { describe, expect, it } from 'vitest';
import type { SeriesFrame } from '../../lib/series';
import { frameOf } from '../../lib/series.fixture';
import { csvOf, csvCell } from './csv';
import { footerText } from './footer';
import { groupLines, runLines } from './lines';
import type { RunRef } from './settings';

const runs: RunRef[] = [
  { id: 'a', name: 'ant', slot: 0, status: 'finished' },
  { id: 'b', name: 'bee', slot: 9, status: 'running' },
  { id: 'c', name: 'cat', slot: 2, status: 'finished' },
];
const options = { runs, dark: false, smoothed: false, band: 'std' as const, keys: ['loss'] };
const raw = frameOf({
  x: [0, 8, 16], width: 8, runs: ['a', 'b', 'c'], keys: ['loss'],
  stats: ['min', 'max', 'last', 'count'],
  series: [
    { run: 0, columns: [[1, 1, 1], [2, 9, 2], [1.5, 1.5, 1.5], [8, 8, 8]], points: 24 },
    { run: 1, columns: [[3, NaN, NaN], [3, NaN, NaN], [3, NaN, Infinity], [8, 8, 1]], points: 17, nan: 8, posinf: 1 },
  ],
}); // prettier-ignore

describe('lines of runs', () => {
  it('are one a run, in its look, the first of the list on top', () => {
    const data = runLines(raw, options);
    expect(data.lines.map((line) => line.name)).toEqual(['bee', 'ant']);
    expect(data.lines[1]).toMatchObject({ id: 'a', style: 'spikes', colour: '#1256d7', dash: [] });
    expect(data.lines[1]?.high?.[1]).toBe(9);
  });

  it('mark where there was NaN or an infinity, not where there was nothing', () => {
    const [bee] = runLines(raw, options).lines;
    expect(bee?.marks).toEqual([
      { x: 8, kind: 'nan' },
      { x: 16, kind: 'posinf' },
    ]);
  });

  it('go through the smoothed values where there are some, the raw ones behind', () => {
    const frame = frameOf({
      x: [0], width: 0, runs: ['a'], keys: ['loss'], stats: ['min', 'max', 'last', 'smooth'],
      series: [{ run: 0, columns: [[1], [1], [1], [0.5]] }],
    }); // prettier-ignore
    const [line] = runLines(frame, { ...options, smoothed: true }).lines;
    expect([line?.y[0], line?.style]).toEqual([0.5, 'ghost']);
  });

  it('are named by run and metric where there are several metrics', () => {
    const frame = frameOf({
      x: [0], width: 0, runs: ['a'], keys: ['loss', 'acc'], stats: ['last'],
      series: [{ run: 0, columns: [[1]] }, { run: 0, key: 1, columns: [[2]] }],
    }); // prettier-ignore
    const names = (some: RunRef[]) =>
      runLines(frame, { ...options, runs: some, keys: ['loss', 'acc'] }).lines.map(
        (line) => line.name,
      );
    expect(names(runs)).toEqual(['ant · loss', 'ant · acc']);
    expect(names(runs.slice(0, 1))).toEqual(['loss', 'acc']);
  });
});

describe('lines of groups', () => {
  const frame = frameOf({
    x: [0, 1, 2, 3], width: 0, runs: ['a', 'b', 'c'], keys: ['loss'], stats: ['mean'],
    series: [
      { run: 0, columns: [[1, 1, 1, 1]] },
      { run: 1, columns: [[3, NaN, 3, NaN]] },
      { run: 2, columns: [[7, 7, 7, 7]] },
    ],
  }); // prettier-ignore
  const grouped = runs.map((run, i) => ({ ...run, group: i < 2 ? 'g' : '' }));

  it('are the mean of their runs; a run without a value there keeps its last one till its end', () => {
    const data = groupLines(frame, { ...options, runs: grouped });
    const g = data.lines.find((line) => line.id === 'g');
    expect([...(g?.y ?? [])]).toEqual([2, 2, 2, 1]);
    expect(g?.note?.(0, String)).toContain('n = 2');
    expect(g?.note?.(3, String)).toContain('n = 1');
  });

  it('spread by the deviation, or from the least to the greatest', () => {
    const std = groupLines(frame, { ...options, runs: grouped }).lines.find(
      (line) => line.id === 'g',
    );
    expect(std?.high?.[0]).toBeCloseTo(2 + Math.SQRT2);
    const all = groupLines(frame, { ...options, runs: grouped, band: 'minmax' });
    expect(all.lines.find((line) => line.id === 'g')).toMatchObject({ style: 'band' });
    expect(all.lines.find((line) => line.id === 'g')?.low?.[0]).toBe(1);
    const none = groupLines(frame, { ...options, runs: grouped, band: 'none' });
    expect(none.lines[0]?.low).toBeUndefined();
  });

  it('call runs without a value of the field a group of their own', () => {
    const data = groupLines(frame, { ...options, runs: grouped });
    expect(data.lines.map((line) => line.name).sort()).toEqual(['g', 'no value']);
  });
});

describe('what a chart says', () => {
  it('is how many points became buckets, what is odd, and who is not there', () => {
    const settings = { smooth: 0.6, by: 'ema' as const, x: 'step' };
    const text = footerText({ frame: raw, settings, runs: 3, total: 8431, grouped: false });
    expect(text).toBe(
      '41 points → 3 buckets, min/max kept · smoothed (weight 0.6) · 8 NaN, 1 ±Inf · 1 run lacks it · 3 of 8,431 runs',
    );
  });

  it('is which runs cannot be shown, and why', () => {
    const settings = { smooth: 0, by: 'ema' as const, x: 'step' };
    const one = { ...raw, header: { ...raw.header, damaged: [[2, 'a.journal is damaged']] } };
    const said = (frame: SeriesFrame) =>
      footerText({ frame, settings, runs: 3, total: 3, grouped: false });
    expect(said(one as SeriesFrame)).toMatch(
      /^c cannot be shown: a.journal is damaged · 41 points/,
    );
    expect(said(one as SeriesFrame)).not.toContain('lack');
  });

  it('is that all points are drawn, where they are', () => {
    const frame = frameOf({
      x: [0],
      width: 0,
      runs: ['a'],
      keys: ['l'],
      stats: [],
      series: [{ run: 0, columns: [], points: 1200 }],
    });
    const settings = { smooth: 0, by: 'ema' as const, x: 'step' };
    expect(footerText({ frame, settings, runs: 1, total: 1, grouped: false })).toBe(
      '1,200 points, all drawn',
    );
  });
});

describe('csv', () => {
  it('has a column for x and three for a line with a band; no value is empty', () => {
    const text = csvOf(runLines(raw, options), 'step');
    expect(text.split('\r\n')[0]).toBe('step,bee,bee low,bee high,ant,ant low,ant high');
    expect(text.split('\r\n')[2]).toBe('8,,,,1.5,1,9');
  });

  it('cannot run a formula in a spreadsheet', () => {
    expect(csvCell('=1+1')).toBe("'=1+1");
    expect(csvCell('-3.5')).toBe('-3.5');
    expect(csvCell('a "b", c')).toBe('"a ""b"", c"');
  });
});
