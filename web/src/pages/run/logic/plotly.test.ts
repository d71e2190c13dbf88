import { expect, it } from 'vitest';

import { readPlotly } from './plotly';

it('names traces and counts their points', () => {
  const text = JSON.stringify({
    data: [
      { type: 'bar', name: 'a', y: [1, 2, 3] },
      { y: { dtype: 'f8', bdata: btoa('12345678abcdefgh') } },
    ],
    layout: { title: { text: '<b>x</b>' } },
  });
  expect(readPlotly(text)).toEqual({
    title: '<b>x</b>',
    traces: [
      { name: 'a', kind: 'bar', points: 3 },
      { name: '', kind: 'scatter', points: 2 },
    ],
    odd: '',
  });
});

it('says what cannot be read', () => {
  expect(readPlotly('{').odd).toMatch(/cannot be read/);
  expect(readPlotly('{}').odd).toMatch(/no traces/);
});
