import { describe, expect, it } from 'vitest';
import type { FieldInfo, RunsTable } from '../../api/types';
import { defaultFields } from '../../lib/first';
import { readView, writeView } from '../../lib/view';
import { bestRow, cellText, cellTitle, decimals, stateCell } from './cells';
import {
  changeStatistic,
  constantFields,
  directionOf,
  facetFields,
  makeColumn,
  moveField,
} from './columns';
import { tableCsv } from './export';
import { Selection } from './selection';
import { snippets } from './snippets';
import { clickSort, literal, runsSchema, toggleFacet, whereOf } from './state';

const info = (more: Partial<FieldInfo>): FieldInfo => ({
  field: '', kind: 'param', key: '', type: 'text', runs: 10, distinct: 2, sample: [], goal: '', unit: '', ...more,
}); // prettier-ignore

describe('the search', () => {
  it('joins what was typed and what was clicked', () => {
    expect(whereOf('  ', {})).toBe('');
    expect(whereOf('a > 1 or b', {})).toBe('a > 1 or b');
    expect(whereOf('a > 1 or b', { status: ['failed'] })).toBe(
      "(a > 1 or b) and status = 'failed'",
    );
    expect(whereOf('', { 'params.n': [1, 2], 'tags.t': [null, "it's"] })).toBe(
      "params.n in (1, 2) and (tags.t = 'it''s' or tags.t is null)",
    );
    expect(whereOf('x', { status: ['failed'] }, 'status')).toBe('x');
  });

  it('writes values as the grammar reads them', () => {
    expect([literal("a'b"), literal(3), literal(true), literal([1])]).toEqual([
      "'a''b'",
      '3',
      "'true'",
      "'[1]'",
    ]);
  });

  it('takes a value in and out by a click', () => {
    const once = toggleFacet({}, 'status', 'failed');
    expect(once).toEqual({ status: ['failed'] });
    expect(toggleFacet(once, 'status', 'failed')).toEqual({});
  });

  it('is all in the address', () => {
    const state = {
      ...readView(runsSchema, ''),
      facets: { status: ['failed', null] },
      sort: ['-metrics."a,b".max', 'name'],
    };
    expect(readView(runsSchema, writeView(runsSchema, state))).toEqual(state);
  });
});

describe('sorting by a click', () => {
  it('goes down, up, and back to the newest', () => {
    const first = clickSort(['-created'], 'params.lr', false, true);
    const second = clickSort(first, 'params.lr', false, true);
    expect([first, second, clickSort(second, 'params.lr', false, true)]).toEqual([
      ['-params.lr'], ['params.lr'], ['-created'],
    ]); // prettier-ignore
  });

  it('adds another field with Shift, turns it, and takes it off', () => {
    const two = clickSort(['a'], 'b', true, false);
    expect(two).toEqual(['a', 'b']);
    const turned = clickSort(two, 'b', true, false);
    expect(turned).toEqual(['a', '-b']);
    expect(clickSort(turned, 'b', true, false)).toEqual(['a']);
  });
});

describe('columns', () => {
  const infos = [
    info({ field: 'user', kind: 'attribute', key: 'user', distinct: 1 }),
    info({ field: 'params.lr', key: 'lr', type: 'number', distinct: 4 }),
    info({ field: 'params.same', key: 'same', distinct: 1, sample: [{ value: 'x', count: 10 }] }),
    info({
      field: 'metrics.train/loss',
      kind: 'metric',
      key: 'train/loss',
      goal: 'min',
      runs: 10,
      distinct: 0,
    }),
    info({
      field: 'metrics.val/acc',
      kind: 'metric',
      key: 'val/acc',
      goal: 'max',
      runs: 9,
      distinct: 0,
    }),
    info({ field: 'metrics.system/cpu', kind: 'metric', key: 'system/cpu', distinct: 0 }),
  ];

  it('are chosen by what tells the runs apart and how they did', () => {
    expect(defaultFields(infos)).toEqual([
      'status', 'created', 'duration', 'metrics.val/acc.best', 'metrics.train/loss.best', 'params.lr',
    ]); // prettier-ignore
  });

  it('that are constant are known, over all runs found', () => {
    expect(constantFields(infos, 10).map((one) => one.field)).toEqual(['params.same']);
    expect(constantFields(infos, 12)).toEqual([]);
  });

  it('know goal, unit, side and width', () => {
    const byField = new Map(infos.map((one) => [one.field, one]));
    const column = makeColumn('metrics.val/acc.best', byField, { 'metrics.val/acc.best': 99 });
    expect(column).toMatchObject({
      label: 'val/acc best',
      goal: 'max',
      align: 'right',
      width: 99,
      name: 'val/acc',
    });
    expect(directionOf(column)).toBe('max');
    expect(directionOf({ ...column, statistic: 'n' })).toBe('');
    expect(makeColumn('name', byField).pinned).toBe(true);
    expect(makeColumn('created', byField)).toMatchObject({ type: 'text', kind: 'attribute' });
  });

  it('move, and change their statistic in place', () => {
    expect(moveField(['a', 'b', 'c'], 'c', 0)).toEqual(['c', 'a', 'b']);
    expect(moveField(['a', 'b'], 'b', 99)).toEqual(['a', 'b']);
    expect(changeStatistic(['x', 'metrics.val/acc.best'], 'metrics.val/acc.best', 'last')).toEqual([
      'x',
      'metrics.val/acc',
    ]);
  });

  it('with few values are offered for clicking', () => {
    const some = [
      info({ field: 'status', kind: 'attribute', distinct: 3 }),
      info({ field: 'params.model', distinct: 4, type: 'text' }),
      info({ field: 'params.seed', distinct: 300, type: 'number' }),
      info({ field: 'params.one', distinct: 1 }),
    ];
    expect(facetFields(some, 500).map((one) => one.field)).toEqual(['status', 'params.model']);
  });
});

describe('cells', () => {
  it('of a metric have as many decimals as their middle value needs, and align', () => {
    const values = [0.79241, 0.8, 12, null, 'NaN', 1e-9];
    const text = cellText({ kind: 'metric', type: 'float' }, values);
    expect(values.map((value) => text(value))).toEqual([
      '0.7924',
      '0.8000',
      '12.0000',
      '',
      'NaN',
      '1e−9',
    ]);
  });

  it('of whole numbers have none', () => {
    expect(decimals([1, 2000, 3])).toBe(0);
    const text = cellText({ kind: 'metric', type: 'float' }, [1, 20_000]);
    expect([text(1), text(20_000)]).toEqual(['1', '20,000']);
  });

  it('say all on hover', () => {
    expect(cellTitle({ type: 'float' }, 0.123456789)).toBe('0.123456789');
    expect(cellTitle({ type: 'text' }, { a: 1 })).toBe('{"a":1}');
    expect(cellTitle({ type: 'time' }, 1_700_000_000_000_000)).toMatch(/^2023-11-1/);
  });

  it('know the best of a column', () => {
    expect(bestRow([0.1, 'NaN', 0.9, null, 'Infinity'], 'max')).toBe(2);
    expect(bestRow([0.3, 0.1], 'min')).toBe(1);
    expect(bestRow([null], 'min')).toBe(-1);
  });
});

describe('selection', () => {
  const order = ['a', 'b', 'c', 'd', 'e'];

  it('takes one, or all up to here', () => {
    const some = new Selection().toggle('b').extend('d', order);
    expect([...some.ids]).toEqual(['b', 'c', 'd']);
    expect([...some.extend('c', order).ids]).toEqual(['b', 'c', 'd']);
    expect([...some.toggle('c').ids]).toEqual(['b', 'd']);
  });

  it('knows whether all, some or none are taken', () => {
    expect(new Selection().state(order)).toBe('none');
    expect(new Selection().toggle('a').state(order)).toBe('some');
    expect(new Selection().add(order).state(order)).toBe('all');
  });

  it('forgets what is gone', () => {
    expect([...new Selection().add(order).keep(new Set(['a'])).ids]).toEqual(['a']);
    expect([...new Selection().add(order).drop(['a', 'b']).ids]).toEqual(['c', 'd', 'e']);
  });
});

it('the table can be had as CSV with all digits, and as code', () => {
  const table = {
    total: 1, totalAll: 1, ids: ['r'], slots: [0], statuses: [],
    columns: new Map<string, RunsTable['columns'][number]['values']>([
      ['name', ['=x']], ['created', [1_700_000_000_000_000]], ['m', [0.1234567]],
    ]),
  }; // prettier-ignore
  const columns = [{ field: 'name', type: 'text' }, { field: 'created', type: 'time' }, { field: 'm', type: 'float' }]; // prettier-ignore
  expect(tableCsv(table as Parameters<typeof tableCsv>[0], columns)).toBe(
    "id,name,created,m\r\nr,'=x,2023-11-14T22:13:20.000Z,0.1234567\r\n",
  );
  const code = snippets({ project: "it's", where: 'a = "b"', order: '-m', fields: ['m'] });
  expect(code.python).toContain(
    'notabene.Api().runs("a = \\"b\\"", project="it\'s", order_by="-m")',
  );
  expect(code.cli).toBe(`notabene ls -p 'it'\\''s' -w 'a = "b"' -s '-m'`);
});

it('a cell of record or proof is a word with an icon', () => {
  expect(stateCell('facts.record', 'gaps', 3)).toMatchObject({ word: '3 gaps', look: 'warn' });
  expect(stateCell('facts.record', 'complete', null)?.word).toBe('complete');
  expect(stateCell('facts.proof', 'proven', null)).toMatchObject({ word: 'proven', look: 'ok' });
  expect(stateCell('facts.proof', null, null)).toBeNull();
  expect(stateCell('facts.git', 'x', null)).toBeUndefined();
});
