import { describe, expect, it } from 'vitest';

import { columnWidth, csvOf, matching, sorted } from './table';

const cells = [
  [3, 1, 2],
  ['Cat', 'dog', null],
  [0.5, 'NaN', 'Infinity'],
];

describe('matching', () => {
  it('wants all words, in any column and case', () => {
    expect(matching(cells, 3, 'cat')).toEqual([0]);
    expect(matching(cells, 3, 'DOG 1')).toEqual([1]);
    expect(matching(cells, 3, '')).toEqual([0, 1, 2]);
  });
});

describe('sorted', () => {
  it('puts what is absent last, both ways', () => {
    expect(sorted([0, 1, 2], cells[1]!, 'text', false)).toEqual([0, 1, 2]);
    expect(sorted([0, 1, 2], cells[1]!, 'text', true)).toEqual([1, 0, 2]);
    expect(sorted([0, 1, 2], cells[2]!, 'float', true)).toEqual([2, 0, 1]);
    expect(sorted([0, 1, 2], cells[0]!, 'int', false)).toEqual([1, 2, 0]);
  });

  it('sorts mixed ones: numbers, then text', () => {
    expect(sorted([0, 1, 2], ['b', 2, 'a'], 'mixed', false)).toEqual([1, 2, 0]);
  });
});

it('writes CSV that no spreadsheet runs', () => {
  const columns = [
    { name: 'a,b', type: 'text' },
    { name: 'n', type: 'int' },
  ];
  expect(
    csvOf(columns, [
      ['=cmd()', 'x "y"'],
      [-1, null],
    ]),
  ).toBe(`"a,b",n\n'=cmd(),-1\n"x ""y""",\n`);
});

it('gives columns room for what is in them', () => {
  expect(columnWidth({ name: 'x', type: 'media' }, [])).toBe(148);
  expect(columnWidth({ name: 'id', type: 'int' }, [1])).toBeLessThan(
    columnWidth({ name: 'id', type: 'text' }, ['a long text here']),
  );
});
