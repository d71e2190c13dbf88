import { describe, expect, it } from 'vitest';
import type { LoggedValue, RunsTable } from '../../api/types';
import { barsOf } from './bars';
import { bucketsFor, requestFor } from './request';
import { readPanels } from './own';
import { correlation, dotsOf, spanOf, wantsLog } from './scatter';
import { matcher, patternError, sectionsOf } from './sections';
import { chartSchema, smoothingOf, smoothingText } from './settings';
import { sharedLooks, shownRows } from './shown';
import { chartSnippets } from './snippets';
import { atStep, stepsOf } from './steps';

describe('sections', () => {
  it('go by prefix; without one first, the machine last, numbers by their size', () => {
    const found = sectionsOf(['val/acc', 'system/cpu', 'lr', 'train/l10', 'train/l2', 'a/b/c']);
    expect(found.map((section) => section.name)).toEqual(['', 'a/b', 'train', 'val', 'system']);
    expect(found[2]?.keys).toEqual(['train/l2', 'train/l10']);
  });

  it('are narrowed by a regular expression, or by its words where it is none', () => {
    expect(['val/acc', 'loss'].filter(matcher('acc$'))).toEqual(['val/acc']);
    expect(['a[b', 'c'].filter(matcher('a['))).toEqual(['a[b']);
    expect(patternError('a[')).not.toBe('');
    expect(patternError('a')).toBe('');
  });
});

describe('settings', () => {
  it('become what the server smooths by', () => {
    expect(smoothingOf({ smooth: 0, by: 'ema' })).toBeNull();
    expect(smoothingOf({ smooth: 0.6, by: 'ema' })).toEqual({ kind: 'ema', weight: 0.6 });
    expect(smoothingOf({ smooth: 1, by: 'mean' })).toBeNull();
    expect(smoothingOf({ smooth: 21, by: 'median' })).toEqual({ kind: 'median', window: 21 });
    expect(smoothingText({ smooth: 21, by: 'median' })).toBe('smoothed (median of 21 points)');
  });

  it('take no zoom that is none', () => {
    expect(chartSchema.zoom.read('[5,1]')).toBeUndefined();
    expect(chartSchema.zoom.read('[1,5]')).toEqual([1, 5]);
  });
});

describe('requests', () => {
  const wanted = {
    runs: ['a'], keys: ['loss'], x: 'step', settings: { smooth: 0, by: 'ema' as const },
    buckets: 600, grouped: false, zoom: null,
  }; // prettier-ignore

  it('ask for about a bucket a pixel, half as many for many lines', () => {
    expect([bucketsFor(612, 10), bucketsFor(612, 100), bucketsFor(20, 1)]).toEqual([600, 300, 100]);
  });

  it('ask for what is drawn', () => {
    expect(requestFor(wanted).stats).toEqual(['min', 'max', 'last', 'count']);
    expect(requestFor({ ...wanted, grouped: true }).stats).toEqual(['mean', 'count']);
    expect(
      requestFor({ ...wanted, runs: Array.from({ length: 50 }, (_, i) => `${i}`) }).stats,
    ).not.toContain('count');
    expect(requestFor({ ...wanted, zoom: { low: 1, high: 2 } })).toMatchObject({ low: 1, high: 2 });
  });
});

describe('shown runs', () => {
  const table = {
    total: 4, totalAll: 4, ids: ['a', 'b', 'c', 'd'], slots: [0, 1, 0, 2],
    statuses: [], columns: new Map([['m', [0.1, null, 0.9, 0.5]]]),
  }; // prettier-ignore
  const rule = { shown: 'auto', n: 2 };
  const none = new Set<string>();

  it('are the first of the table, or those selected', () => {
    expect(shownRows(table, rule, none, false)).toEqual([0, 1]);
    expect(shownRows(table, rule, new Set(['b', 'd']), false)).toEqual([1, 3]);
    expect(shownRows(table, { ...rule, shown: 'first' }, new Set(['d']), false)).toEqual([0, 1]);
    expect(shownRows(table, { ...rule, shown: 'selected' }, none, false)).toEqual([]);
  });

  it('are the best by a metric, the greatest or the least first', () => {
    expect(shownRows(table, { shown: 'best:m', n: 2 }, none, false, 'max')).toEqual([2, 3]);
    expect(shownRows(table, { shown: 'best:m', n: 9 }, none, false, 'min')).toEqual([0, 3, 2]);
  });

  it('with one look are told apart by a ring on the later ones', () => {
    const runs = table.ids.map((id, i) => ({
      id,
      name: id,
      slot: table.slots[i] ?? 0,
      status: '',
    }));
    expect([...sharedLooks(runs)]).toEqual(['a']);
  });
});

describe('own panels', () => {
  it('are read from links, but for what is none', () => {
    const given = [
      { t: 'line', k: ['a', 3, 'b'] },
      { t: 'scatter', x: 'p' },
      null,
      { t: 'bar', f: 'q' },
      { t: 'evil' },
    ];
    expect(readPanels(given)).toEqual([
      { t: 'line', k: ['a', 'b'] },
      { t: 'bar', f: 'q' },
    ]);
    expect(readPanels('x')).toBeUndefined();
  });

  it('scatter runs that have both fields', () => {
    const values = [
      ['n1', 'n2', 'n3'],
      [1, 2, null],
      [true, 'NaN', 3],
    ];
    const table = {
      ids: ['a', 'b', 'c'], slots: [0, 1, 2],
      columns: values.map((column) => ({ values: column })),
    } as unknown as RunsTable; // prettier-ignore
    expect(dotsOf(table)).toEqual({
      dots: [{ run: 'a', name: 'n1', slot: 0, x: 1, y: 1 }],
      lacking: 2,
    });
    expect(correlation([{ x: 1, y: 2 }, { x: 2, y: 4 }, { x: 3, y: 6 }])).toBeCloseTo(1); // prettier-ignore
    expect(correlation([{ x: 1, y: 2 }])).toBeNaN();
    expect(wantsLog(spanOf([1e-5, 0.1]))).toBe(true);
    expect(wantsLog(spanOf([0, 0.1]))).toBe(false);
  });

  it('have bars of runs, or of groups with their spread', () => {
    const run = (id: string, group?: string) => ({ id, name: id, slot: 1, status: '', group });
    const values = new Map([['a', 1], ['b', 3], ['c', NaN]]); // prettier-ignore
    expect(barsOf([run('a'), run('b'), run('c')], values)).toMatchObject({
      lacking: 1,
      bars: [{ id: 'b' }, { id: 'a' }],
    });
    const [bar] = barsOf([run('a', 'g'), run('b', 'g')], values).bars;
    expect(bar).toMatchObject({ value: 2, n: 2 });
    expect(bar?.spread).toBeCloseTo(Math.SQRT2);
  });

  it('show the newest value at or before a step', () => {
    const at = (step: number) => ({ step, time: step }) as LoggedValue;
    const list = [at(10), at(30), at(20)];
    expect(stepsOf([list, [at(10), at(5)]])).toEqual([5, 10, 20, 30]);
    expect([atStep(list, 25)?.step, atStep(list, null)?.step, atStep(list, 1)]).toEqual([
      20,
      30,
      undefined,
    ]);
  });
});

it('charts can be had as code', () => {
  const runs = [{ id: 'r1', name: 'x', slot: 0, status: '' }];
  const infos = [{ kind: 'metric', key: 'val/acc' }] as unknown as Parameters<
    typeof chartSnippets
  >[1];
  const code = chartSnippets(runs, infos, { x: 'time', match: '' });
  expect(code.python).toContain('api.history(run, "val/acc", x="time")');
  expect(code.cli).toBe('notabene plot r1 -m val/acc -x time');
});
