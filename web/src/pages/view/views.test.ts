import { expect, it } from 'vitest';

import { linkOf, viewPath, viewTitle } from './views';

const view = {
  id: 'abc', project: 'a/b c', name: 'best', page: 'charts', state: 'v=1&q=x%20y', author: 'ana', created: 1,
}; // prettier-ignore

it('leads where the view was saved', () => {
  expect(viewPath(view)).toBe('/p/a%2Fb%20c/charts?v=1&q=x%20y');
  expect(viewPath({ ...view, page: 'waste', state: '' })).toBe('/p/a%2Fb%20c/runs');
});

it('has a short link and a name for people', () => {
  expect(linkOf('abc', 'http://h:7610')).toBe('http://h:7610/v/abc');
  expect(viewTitle(view)).toBe('best: charts of a/b c, saved by ana');
});
