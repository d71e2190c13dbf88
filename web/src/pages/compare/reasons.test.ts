import { expect, test } from 'vitest';
import type { Cause, DiffItem, Parting } from '../../api/types';
import {
  itemText,
  partedOf,
  partingText,
  sentence,
  shortSide,
  sideText,
  split,
  toldOf,
  whySnippets,
} from './reasons';
import { sidesOf, stacked } from './sides';

const cause: Cause = {
  class: 'argument', item: 'wd', a: '0', b: '0.3', told: 'effect', pairs: [['a', 'b'], ['c', 'd']],
  effect: 0.1154, spread: 0.0234, command: '',
}; // prettier-ignore
const parting: Parting = {
  metric: 'loss', a: 1, b: 2, compared: 10, same: 0, first_divergent_step: 3, first_a: 1,
  first_b: 1.1, relative: 0.09, ulps: -1, worst: 0.5, worst_step: 9,
}; // prettier-ignore

test('effects are told with spread and pairs', () => {
  expect(toldOf(cause)).toEqual({
    word: '+0.115 ± 0.023',
    look: 'effect',
    pairs: 'in 2 pairs of runs',
  });
  expect(toldOf({ ...cause, spread: null, effect: -1, pairs: [] })).toMatchObject({
    word: '−1',
    pairs: '',
  });
  expect(toldOf({ ...cause, told: 'cannot-tell', pairs: [] }).word).toBe('cannot tell');
  expect(toldOf({ ...cause, told: 'no-effect' })).toMatchObject({
    word: 'no effect',
    look: 'none',
  });
});

test('what cannot explain anything is folded', () => {
  const items = ['yes', 'no', 'unlikely'].map((explains) => ({ explains })) as DiffItem[];
  expect(split(items).shown).toHaveLength(2);
  expect(split(items).folded).toHaveLength(1);
  expect(sideText(null)).toBe('–');
  expect(sideText('')).toBe("''");
});

test('names stay as they are', () => {
  expect(sentence('wd (0 → 1) is all that differs')).toBe('wd (0 → 1) is all that differs');
  expect(sentence('cannot tell: 2 inputs changed together (a, ./b.csv)')).toBe(
    'Cannot tell: 2 inputs changed together (a, b.csv)',
  );
  expect(itemText('./b.csv')).toBe('b.csv');
  expect(shortSide('fb452641413300d2')).toBe('fb4526414133');
  expect(shortSide('x'.repeat(40))).toHaveLength(24);
});

test('where metrics part', () => {
  expect(partingText(parting)).toBe('step 3: relative 9.0e−2');
  expect(partingText({ ...parting, ulps: 1 })).toContain('1 bit step apart');
  expect(partingText({ ...parting, first_a: null })).toContain('only one');
  const same = { ...parting, first_divergent_step: null, same: 10 };
  expect(partingText(same)).toBe('10 values, the same bits');
  expect(partedOf([parting, same])).toMatchObject({ parted: [parting], same: [same] });
  expect(whySnippets('a', 'b').cli).toContain('notabene why a b');
});

const TEXT =
  '--- a/t.py\n+++ b/t.py\n@@ -1,4 +1,5 @@\n same\n-old = 1\n-gone\n+old = 2\n+new\n+more\n end';

test('two columns: what went beside what came', () => {
  const rows = sidesOf(TEXT);
  const texts = rows.map((row) =>
    row.hunk !== undefined ? row.hunk : [row.left?.text ?? null, row.right?.text ?? null],
  );
  expect(texts.slice(1)).toEqual([
    ['same', 'same'],
    ['old = 1', 'old = 2'],
    ['gone', 'new'],
    [null, 'more'],
    ['end', 'end'],
  ]);
  const last = rows.at(-1);
  expect(last && last.hunk === undefined && [last.left?.n, last.right?.n]).toEqual([4, 5]);
});

test('one column: in a block first what went', () => {
  const texts = stacked(sidesOf(TEXT)).map((one) =>
    'hunk' in one ? '@' : `${one.kind} ${one.text}`,
  );
  expect(texts).toEqual([
    '@', 'same same', 'del old = 1', 'del gone', 'add old = 2', 'add new', 'add more', 'same end',
  ]); // prettier-ignore
});
