import { expect, it } from 'vitest';

import type { Headline, RunsTable } from '../../api/types';
import { fieldsFor, readRunning } from './running.svelte';

const head: Headline = { key: 'val/a.c', goal: 'max', value: 1, run: 'x', run_name: 'x' };
const heads = new Map([
  ['a', head],
  ['b', null],
]);

it('asks for the headline metrics only, and reads them by project', () => {
  const fields = fieldsFor(heads);
  expect(fields).toContain('metrics."val/a.c"');
  const values: Record<string, (string | number | null)[]> = {
    name: ['one', 'two', 'three'],
    project: ['a', 'b', 'a'],
    started: [5, 0, 7],
    created: [4, 6, 7],
    points: [10, 20, 0],
    'metrics."val/a.c"': [0.5, 0.9, null],
  };
  const table = {
    total: 3, total_all: 3, offset: 0, ids: ['1', '2', '3'], slots: [0, 1, 2],
    statuses: ['running', 'running', 'running'],
    columns: Object.entries(values).map(([field, list]) => ({
      field, kind: 'attribute', type: '', values: list,
    })),
  } as unknown as RunsTable; // prettier-ignore
  const [one, two, three] = readRunning(table, heads);
  expect(one?.metric).toEqual({ key: 'val/a.c', value: 0.5 });
  expect([two?.metric, two?.started, two?.points]).toEqual([null, 6, 20]);
  expect(three?.metric).toBeNull();
});
