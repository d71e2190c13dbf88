import { describe, expect, it } from 'vitest';

import { contrast, findIn, highlight, legible, lookOf, parseAnsi, plainText } from './ansi';

const ESC = '\x1b';

describe('parseAnsi', () => {
  it('leaves plain text as one span', () => {
    expect(parseAnsi('a <b>c</b>')).toEqual([{ text: 'a <b>c</b>', style: null }]);
    expect(parseAnsi('')).toEqual([]);
  });

  it('reads colours, bright ones and attributes, and resets', () => {
    const spans = parseAnsi(`${ESC}[1;33mWARN${ESC}[0m x ${ESC}[95;44mhot${ESC}[39m y`);
    expect(spans).toEqual([
      { text: 'WARN', style: { bold: true, fg: 3 } },
      { text: ' x ', style: null },
      { text: 'hot', style: { fg: 13, bg: 4 } },
      { text: ' y', style: { bg: 4 } },
    ]);
  });

  it('reads 256 colours and true ones', () => {
    expect(parseAnsi(`${ESC}[38;5;196ma`)[0]?.style?.fg).toEqual([255, 0, 0]);
    expect(parseAnsi(`${ESC}[38;5;244ma`)[0]?.style?.fg).toEqual([128, 128, 128]);
    expect(parseAnsi(`${ESC}[48;2;1;2;300ma`)[0]?.style?.bg).toEqual([1, 2, 255]);
    expect(parseAnsi(`${ESC}[38;5;9ma`)[0]?.style?.fg).toBe(9);
  });

  it('drops other escapes and broken ones', () => {
    expect(plainText(`${ESC}[2Kab${ESC}]8;;http://x${ESC}\\c${ESC}`)).toBe('abc');
    expect(parseAnsi(`a${ESC}[2Jb`).map((span) => span.text)).toEqual(['a', 'b']);
  });

  it('treats an empty code as reset', () => {
    expect(parseAnsi(`${ESC}[31ma${ESC}[mb`)[1]).toEqual({ text: 'b', style: null });
  });
});

describe('highlight', () => {
  it('cuts spans at matches, across them as well', () => {
    const spans = parseAnsi(`${ESC}[31mab${ESC}[0mcd`);
    expect(highlight(spans, [[1, 3]])).toEqual([
      { text: 'a', style: { fg: 1 } },
      { text: 'b', style: { fg: 1 }, match: 0 },
      { text: 'c', style: null, match: 0 },
      { text: 'd', style: null },
    ]);
  });

  it('finds texts and patterns in any case', () => {
    expect(findIn('Loss loss', 'loss', false)).toEqual([
      [0, 4],
      [5, 9],
    ]);
    expect(findIn('a.b axb', 'a.b', false)).toEqual([[0, 3]]);
    expect(findIn('a.b axb', 'a.b', true)).toHaveLength(2);
    expect(findIn('abc', '(', true)).toEqual([]);
    expect(findIn('abc', '', true)).toEqual([]);
  });
});

describe('looks', () => {
  it('can be read on both grounds', () => {
    for (const ground of [
      [255, 255, 255],
      [18, 21, 26],
    ] as const)
      for (const colour of [
        [0, 0, 0],
        [255, 255, 0],
        [0, 0, 255],
        [255, 255, 255],
      ] as const)
        expect(contrast(legible(colour, ground), ground)).toBeGreaterThanOrEqual(4.5);
  });

  it('swaps for inverse and leaves what is plain', () => {
    expect(lookOf({ bold: true }, false)).toEqual({});
    expect(lookOf({ inverse: true }, true).background).toBe('rgb(231 234 239)');
    expect(lookOf({ bg: 1 }, false)).toHaveProperty('color');
  });
});
