import { expect, it } from 'vitest';
import { apiUrl } from '../api/client';
import { fieldsPath, FIRST_ROWS, tablePath } from './first';

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
