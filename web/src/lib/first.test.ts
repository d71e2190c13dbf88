import { expect, it } from 'vitest';
import { apiUrl } from '../api/client';
import type { FieldInfo } from '../api/types';
import { defaultFields, fieldsPath, FIRST_ROWS, tablePath } from './first';

it('what is asked early is what the client asks, letter by letter', () => {
  const project = 'text / "small" & lm+ü';
  expect(`/api/v1${fieldsPath(project)}`).toBe(apiUrl('/projects/fields', { project }));
  const columns = ['status', 'metrics."val/acc.x".best', 'params.lr', 'name'];
  const query = {
    project,
    order: '-created',
    fields: ['name', 'status', 'created', 'duration', 'metrics."val/acc.x".best', 'params.lr'],
    limit: FIRST_ROWS,
    where: '',
  };
  expect(`/api/v1${tablePath(project, columns)}`).toBe(apiUrl('/runs/table', query));
});

it('what lies deep comes last, and digests not at all', () => {
  const param = (key: string, distinct = 2): FieldInfo =>
    ({ field: `params.${key}`, key, kind: 'param', distinct, runs: 9 }) as FieldInfo;
  const infos = [
    param('input.X.dtype'),
    param('input.X.sha256', 9),
    param('same', 1),
    param('lr'),
    param('optim.lr'),
  ];
  expect(defaultFields(infos).slice(3)).toEqual([
    'params.lr',
    'params.optim.lr',
    'params.input.X.dtype',
  ]);
});
