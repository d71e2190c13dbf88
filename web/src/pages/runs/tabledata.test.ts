import { describe, expect, it } from 'vitest';
import type { Json, RunsTable } from '../../api/types';
import { flatten, groupCell, groupName, groupRows, spread } from './grouping';
import { changedWhere, mergeTable, readTable, type TableData } from './tabledata';

function table(rows: Record<string, Json[]>, total = Object.keys(rows).length): TableData {
  const ids = Object.keys(rows);
  return {
    total,
    totalAll: 100,
    ids,
    slots: ids.map((_, i) => i),
    statuses: ids.map(() => 'running' as const),
    columns: new Map([
      ['name', ids.map((id) => rows[id]?.[0] ?? null)],
      ['m', ids.map((id) => rows[id]?.[1] ?? null)],
    ]),
  };
}

describe('live changes', () => {
  const old = table({ c: ['c', 3], b: ['b', 2], a: ['a', 1] });

  it('change rows in their places', () => {
    const { table: now, added } = mergeTable(old, table({ a: ['a', 9] }), ['a'], true);
    expect(now.ids).toEqual(['c', 'b', 'a']);
    expect(now.columns.get('m')).toEqual([3, 2, 9]);
    expect([added, now.total]).toEqual([0, 3]);
    expect(old.columns.get('m')).toEqual([3, 2, 1]);
  });

  it('put new runs on top where the newest stand there', () => {
    const { table: now, added } = mergeTable(
      old,
      table({ e: ['e', 5], d: ['d', 4] }),
      ['d', 'e'],
      true,
    );
    expect(now.ids).toEqual(['e', 'd', 'c', 'b', 'a']);
    expect([added, now.total]).toEqual([2, 5]);
  });

  it('let them wait where another order holds, so that nothing jumps', () => {
    const { table: now, waiting } = mergeTable(old, table({ d: ['d', 4] }), ['d'], false);
    expect(now.ids).toEqual(['c', 'b', 'a']);
    expect([waiting, now.total]).toEqual([['d'], 4]);
  });

  it('take away what the search does not find any more', () => {
    const { table: now } = mergeTable(old, table({}), ['b', 'unknown'], true);
    expect(now.ids).toEqual(['c', 'a']);
    expect(now.columns.get('name')).toEqual(['c', 'a']);
    expect(now.total).toBe(2);
  });

  it('are asked for by id, inside the search', () => {
    expect(changedWhere('', ['a'])).toBe("id in ('a')");
    expect(changedWhere('x or y', ['a', 'b'])).toBe("(x or y) and id in ('a', 'b')");
  });
});

it('columns are found by name, else by their place', () => {
  const answer = {
    total: 1, total_all: 2, offset: 0, ids: ['a'], slots: [0], statuses: ['failed'], constant: [],
    columns: [
      { field: 'name', kind: 'attribute', type: 'text', values: ['x'] },
      { field: 'metrics.val/acc.max', kind: 'metric', type: 'float', values: [1] },
    ],
  } satisfies RunsTable; // prettier-ignore
  const read = readTable(answer, ['name', 'metrics."val/acc".max']);
  expect(read.columns.get('metrics."val/acc".max')).toEqual([1]);
});

describe('groups', () => {
  const values: Record<string, Json[]> = {
    model: ['vit', 'mlp', 'vit', null],
    lr: [1, 1, 2, 1],
    acc: [0.5, 0.7, 0.9, null],
  };
  const valueOf = (field: string, row: number) => values[field]?.[row] ?? null;
  const groups = groupRows([0, 1, 2, 3], ['model', 'lr'], valueOf);

  it('stand in the order of their first rows; without a value is a group, too', () => {
    expect(groups.map((group) => [group.value, group.rows])).toEqual([
      ['vit', [0, 2]], ['mlp', [1]], [null, [3]],
    ]); // prettier-ignore
    expect(groups[0]?.groups.map((group) => group.value)).toEqual([1, 2]);
  });

  it('are unfolded one in the other', () => {
    expect(flatten(groups, new Set())).toHaveLength(3);
    const vit = groups[0];
    const inner = vit?.groups[1];
    const lines = flatten(groups, new Set([vit?.id ?? '', inner?.id ?? '']));
    expect(lines).toEqual([vit, vit?.groups[0], inner, 2, groups[1], groups[2]]);
  });

  it('have names for charts', () => {
    expect(groupName(['model', 'lr'], valueOf, 0)).toBe('vit, 1');
    expect(groupName(['model'], valueOf, 3)).toBe('no value');
  });

  it('say mean and deviation, one value, or how many', () => {
    expect(groupCell([0.5, 0.9], 'number')).toMatchObject({ text: '0.7', note: '± 0.28' });
    expect(groupCell([3, 3], 'number')).toMatchObject({ text: '3', note: '' });
    expect(groupCell(['a', 'b', 'a'], 'other')).toMatchObject({ text: '', note: '2 values' });
    expect(groupCell(['a', null], 'other')).toMatchObject({ text: 'a', title: '1 of 2 have it' });
    expect(groupCell([null], 'number').text).toBe('');
    expect(groupCell([5, 9], 'time', String).text).toBe('9');
  });

  it('leave out what is no number', () => {
    expect(spread(['NaN', 'Infinity', 1, 3])).toMatchObject({ n: 2, mean: 2, low: 1, high: 3 });
    expect(spread([null])).toBeNull();
  });
});
