import { describe, expect, it } from 'vitest';

import type { SearchHit } from '../../api/types';
import { excerpt, grouped, marked } from './results';

const hit = (kind: SearchHit['kind'], title: string): SearchHit => ({
  kind, id: title, title, subtitle: '', project: 'p', run: '',
}); // prettier-ignore

describe('search results', () => {
  it('groups by kind, in a fixed order, keeping the order within', () => {
    const found = grouped([hit('note', 'n'), hit('run', 'b'), hit('run', 'a')]);
    expect(found.map((one) => [one.kind, one.hits.length])).toEqual([['run', 2], ['note', 1]]); // prettier-ignore
    expect(found[0]?.hits.map((one) => one.title)).toEqual(['b', 'a']);
  });

  it('marks words whatever their case, and odd characters as they are', () => {
    expect(marked('Val/Acc (best)', 'acc (b')).toEqual([
      { text: 'Val/', hit: false },
      { text: 'Acc', hit: true },
      { text: ' ', hit: false },
      { text: '(b', hit: true },
      { text: 'est)', hit: false },
    ]);
    expect(marked('<b>', 'x')).toEqual([{ text: '<b>', hit: false }]);
    expect(marked('', 'x')).toEqual([{ text: '', hit: false }]);
  });

  it('cuts long texts around the word', () => {
    const text = `${'a '.repeat(200)}needle${' b'.repeat(200)}`;
    const part = excerpt(text, 'needle', 60);
    expect(part).toContain('needle');
    expect(part.length).toBeLessThan(64);
    expect(excerpt('short', 'x')).toBe('short');
  });
});
