import { expect, it, vi } from 'vitest';
import * as calls from '../../api/calls';
import type { Change, RunsTable } from '../../api/types';
import { RunsModel } from './model.svelte';

vi.mock('../../api/calls', () => ({ runsTable: vi.fn() }));

const change = (id: string) => ({ kind: 'run', id, version: 1, points: 1 }) as Change;
const answer = (...rows: [id: string, status: string][]) =>
  ({
    total: 2,
    total_all: 2,
    ids: rows.map(([id]) => id),
    slots: rows.map(() => 0),
    statuses: rows.map(([, status]) => status),
    columns: [],
  }) as unknown as RunsTable;

it('a change that comes while another is asked for is not lost', async () => {
  const answers: ((table: RunsTable) => void)[] = [];
  const table = vi.mocked(calls.runsTable);
  table.mockImplementation(() => new Promise((done) => answers.push(done)));
  const settle = () => new Promise((resolve) => setTimeout(resolve));

  const model = new RunsModel();
  model.ask({ project: 'p', where: '', order: '-created', fields: [], show: 'active' });
  answers[0]?.(answer(['b', 'running'], ['a', 'running']));
  await settle();
  void model.change([change('a')], false);
  void model.change([change('b')], false);
  answers[1]?.(answer(['a', 'finished']));
  await settle();
  answers[2]?.(answer(['b', 'finished']));
  await settle();
  expect(model.table?.statuses).toEqual(['finished', 'finished']);
});
