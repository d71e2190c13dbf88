import { expect, it } from 'vitest';
import { palettePath, rank, score } from './palette';

it('finds letters in order, and prefers what stands together and early', () => {
  expect(score('gtr', 'Go to runs')).toBeGreaterThan(0);
  expect(score('xyz', 'Go to runs')).toBe(0);
  expect(rank('run', ['Go to runs', 'Runs', 'return'], (x) => x)).toEqual([
    'Runs',
    'Go to runs',
    'return',
  ]);
  expect(rank('', ['b', 'a'], (x) => x)).toEqual(['b', 'a']);
});

it('leads to where a found thing is looked at', () => {
  const hit = { id: 'r1', title: 'lr', subtitle: '', project: 'p', run: '' };
  expect(palettePath({ ...hit, kind: 'run' })).toBe('/r/r1');
  expect(palettePath({ ...hit, kind: 'metric' })).toBe('/p/p/charts?v=1&match=lr');
  expect(palettePath({ ...hit, kind: 'param', project: '' }, 'q')).toBe(
    '/p/q/runs?v=1&add=params.lr',
  );
});
