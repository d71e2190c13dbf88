import { describe, expect, it } from 'vitest';
import type { RunsTable } from '../../../api/types';
import { checked } from '../../../lib/runlist';
import { neighboursOf } from './neighbours';

const table = {
  total: 4,
  ids: ['d', 'c', 'b', 'a'],
  slots: [3, 2, 1, 0],
  statuses: ['running', 'finished', 'finished', 'failed'],
  columns: [
    { field: 'name', values: ['run d', 'run c', 'run b', null] },
    { field: 'params.model', values: ['vit', 'resnet', 'vit', null] },
  ],
} as unknown as RunsTable;

describe('neighbours', () => {
  it('stand as in the table', () => {
    expect(neighboursOf(table, []).map((one) => one.id)).toEqual(['d', 'c', 'b', 'a']);
    expect(neighboursOf(table, [])[3]).toEqual({ id: 'a', name: 'a', slot: 0, status: 'failed' });
  });

  it('stand group by group where the table was grouped', () => {
    const found = neighboursOf(table, ['params.model']);
    expect(found.map((one) => one.id)).toEqual(['d', 'b', 'c', 'a']);
  });

  it('come from a list that is one', () => {
    const list = { project: 'vision', where: 'a > 1', order: '-created', group: ['g', 3] };
    expect(checked(list)).toMatchObject({ ...list, group: ['g'], archived: false });
    expect(checked({ project: 1 })).toBeNull();
    expect(checked(null)).toBeNull();
  });
});
