import { describe, expect, it } from 'vitest';

import { changeOf, configRows, countChanges, same, splitPath } from './config';

const base = {
  other: null,
  search: '',
  flat: false,
  differing: false,
  closed: new Set<string>(),
};
const params = { 'optim.lr': 0.1, 'optim.name': 'sgd', 'model.depth': 2, seed: 1 };

describe('splitPath', () => {
  it('knows escaped dots', () => {
    expect(splitPath('a.b\\.c.d\\\\')).toEqual(['a', 'b.c', 'd\\']);
    expect(splitPath('')).toEqual(['']);
  });
});

describe('same', () => {
  it('compares as JSON', () => {
    expect(same({ a: [1, { b: 2 }], c: null }, { c: null, a: [1, { b: 2 }] })).toBe(true);
    expect(same([1, 2], [1, 3])).toBe(false);
    expect(same([], {})).toBe(false);
    expect(same('1', 1)).toBe(false);
    expect(changeOf(undefined, 1)).toBe('removed');
    expect(changeOf(null, undefined)).toBe('added');
  });
});

describe('configRows', () => {
  it('makes a tree', () => {
    const rows = configRows(params, base);
    expect(rows.map((r) => [r.depth, r.name, r.folder])).toEqual([
      [0, 'model', true],
      [1, 'depth', false],
      [0, 'optim', true],
      [1, 'lr', false],
      [1, 'name', false],
      [0, 'seed', false],
    ]);
    expect(rows[2]?.count).toBe(2);
  });

  it('closes folders, also within others', () => {
    const rows = configRows({ 'a.b.c': 1, 'a.d': 2 }, { ...base, closed: new Set(['a.b']) });
    expect(rows.map((r) => r.name)).toEqual(['a', 'b', 'd']);
  });

  it('is flat on demand and searches names and values', () => {
    const rows = configRows(params, { ...base, flat: true, search: 'OPTIM sgd' });
    expect(rows.map((r) => r.name)).toEqual(['optim.name']);
  });

  it('says what differs from another run', () => {
    const other = { 'optim.lr': 0.2, 'optim.name': 'sgd', extra: true, seed: 1 };
    const rows = configRows(params, { ...base, flat: true, other, differing: true });
    expect(rows.map((r) => [r.path, r.change, r.value, r.other])).toEqual([
      ['extra', 'removed', undefined, true],
      ['model.depth', 'added', 2, undefined],
      ['optim.lr', 'changed', 0.1, 0.2],
    ]);
    expect(countChanges(params, other)).toBe(3);
    const tree = configRows(params, { ...base, other });
    expect(tree.find((r) => r.path === 'optim')?.change).toBe('changed');
  });

  it('keeps names with dots apart', () => {
    const rows = configRows({ 'a\\.b.c': 1, 'a.b': 2 }, base);
    expect(rows.map((r) => [r.depth, r.name])).toEqual([
      [0, 'a'],
      [1, 'b'],
      [0, 'a.b'],
      [1, 'c'],
    ]);
  });
});
