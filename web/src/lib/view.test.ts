import { describe, expect, it } from 'vitest';
import {
  choice,
  flag,
  joinList,
  json,
  list,
  number,
  readView,
  splitList,
  text,
  writeView,
} from './view';

const schema = {
  q: text(),
  n: number(10, 1, 500),
  y: choice(['linear', 'log'], 'linear'),
  cols: list(['status']),
  diff: flag(),
  on: flag(true),
  zoom: json<[number, number] | null>(null, (x) =>
    Array.isArray(x) ? (x as [number, number]) : null,
  ),
};

describe('view state', () => {
  it('leaves out what is as by default, so that an untouched page has a bare address', () => {
    expect(writeView(schema, readView(schema, ''))).toBe('');
  });

  it('reads back what it wrote', () => {
    const state = {
      q: 'a & b = "c"',
      n: 20,
      y: 'log' as const,
      cols: ['params.lr', 'metrics."a,b".max'],
      diff: true,
      on: false,
      zoom: [0, 4.5] as [number, number],
    };
    const query = writeView(schema, state);
    expect(query).toMatch(/^v=1&/);
    expect(readView(schema, query)).toEqual(state);
  });

  it('takes the default for what cannot be read, and keeps numbers in their bounds', () => {
    const state = readView(schema, 'n=x&y=cubic&zoom=[1');
    expect([state.n, state.y, state.zoom]).toEqual([10, 'linear', null]);
    expect(readView(schema, 'n=100000').n).toBe(500);
  });

  it('keeps names that it does not know', () => {
    expect(writeView(schema, { q: 'x' }, 'v=1&q=old&tab=code')).toBe('v=1&q=x&tab=code');
  });

  it('tells an empty list from a default one', () => {
    expect(readView(schema, writeView(schema, { cols: [] })).cols).toEqual([]);
  });

  it('keeps commas and backslashes in words of lists', () => {
    for (const words of [['a,b', 'c\\d'], [''], ['', ''], [], ['plain']]) {
      expect(splitList(joinList(words))).toEqual(words);
    }
  });
});
