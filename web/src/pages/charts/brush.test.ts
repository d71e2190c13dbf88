import { describe, expect, it } from 'vitest';
import { frameOf } from '../../lib/series.fixture';
import { membersAt } from '../../lib/chart/nearest';
import { narrowed, rangeClause } from '../runs/state';
import { spreadOf } from './hist';
import { groupLines, runLines } from './lines';
import type { RunRef } from './settings';
import { withBaseline } from './shown';

describe('a range that was chosen', () => {
  it('is a search, in as many digits as a hand can mean', () => {
    expect(rangeClause('metrics.acc', { low: 0.712345, high: 0.923456 })).toBe(
      'metrics.acc >= 0.712 and metrics.acc <= 0.923',
    );
    expect(rangeClause('x', { low: -12345.678, high: 98765.4 })).toBe('x >= -12346 and x <= 98765');
    expect(rangeClause('x', { low: 1e-5, high: 2e-5 })).toBe('x >= 0.00001 and x <= 0.00002');
  });

  it('narrows a search, whatever this is', () => {
    expect(narrowed(' ', 'a > 1')).toBe('a > 1');
    expect(narrowed('b = 2', 'a > 1')).toBe('b = 2 and a > 1');
    expect(narrowed('b = 2 or c = 3', 'a > 1')).toBe('(b = 2 or c = 3) and a > 1');
  });

  it('is of bars that hold all values', () => {
    const values = [1, 2, 3, 4, null, 'NaN', 4];
    const table = { ids: values.map(String), columns: [{ values }] } as never;
    const found = spreadOf(table);
    expect(found.bins.reduce((sum, bin) => sum + bin.n, 0)).toBe(5);
    expect([found.bins[0]?.low, found.bins.at(-1)?.high]).toEqual([1, 4]);
    expect([found.lacking, found.log]).toEqual([2, false]);
    const far = { ids: ['a', 'b'], columns: [{ values: [1e-5, 1] }] } as never;
    expect(spreadOf(far).log).toBe(true);
    expect(spreadOf({ ids: [], columns: [] }).bins).toEqual([]);
  });
});

const runs: RunRef[] = ['a', 'b', 'c'].map((id, slot) => ({
  id,
  name: `run ${id}`,
  slot,
  status: 'finished',
}));
const options = { dark: false, smoothed: false, band: 'std' as const, keys: ['loss'] };
const frame = frameOf({
  x: [0, 8], width: 8, runs: ['a', 'b', 'c'], keys: ['loss'], stats: ['mean'],
  series: [
    { run: 0, columns: [[1, 2]] },
    { run: 1, columns: [[3, 4]] },
    { run: 2, columns: [[5, NaN]] },
  ],
}); // prettier-ignore

describe('a baseline', () => {
  it('comes first in the list, is named, and drawn on top and thicker', () => {
    const refs = withBaseline(runs, 'b');
    expect(refs.map((run) => run.name)).toEqual(['run b (baseline)', 'run a', 'run c']);
    const lines = runLines(frame, { ...options, runs: refs }).lines;
    expect(lines.at(-1)).toMatchObject({ id: 'b', thick: 3 });
    expect(lines[0]?.thick).toBeUndefined();
  });

  it('may be a run that the search does not find, or not be there', () => {
    const other = { id: 'z', name: 'old', slot: 7, status: 'finished' };
    expect(withBaseline(runs, 'z', other)).toHaveLength(4);
    expect(withBaseline(runs, 'z')).toEqual(runs);
    expect(withBaseline(runs, '')).toEqual(runs);
  });

  it('is a line of its own among groups, whose members are told', () => {
    const grouped = runs.map((run) => ({ ...run, group: 'vit' }));
    const { lines } = groupLines(frame, { ...options, runs: withBaseline(grouped, 'a') });
    expect(lines.map((line) => [line.name, line.thick])).toEqual([
      ['run a (baseline)', 3],
      ['vit', undefined],
    ]);
    const group = lines[1];
    expect(group?.members?.map((one) => one.name)).toEqual(['run b', 'run c']);
    const there = membersAt(group?.members ?? [], 0, 1);
    expect(there.list.map(({ member, value }) => [member.name, value])).toEqual([['run c', 5]]);
    expect(there.more).toBe(1);
  });
});
