import { describe, expect, it } from 'vitest';

import { firstFrom, HIGHEST, lastTop, lineAt, LinePages, seekTime, spacer, topOf } from './pages';

const range = (from: number, end: number) => Array.from({ length: end - from }, (_, i) => from + i);

describe('LinePages', () => {
  it('asks for the pages in view once', () => {
    const pages = new LinePages<number>(10);
    pages.total = 95;
    expect(pages.wanted(8, 31)).toEqual([0, 1, 2, 3]);
    for (const page of [0, 1, 2, 3]) pages.begin(page);
    expect(pages.wanted(8, 31)).toEqual([]);
    pages.put(1, range(10, 20), 95);
    pages.fail(2);
    expect(pages.wanted(8, 31)).toEqual([2]);
    expect(pages.get(13)).toBe(13);
    expect(pages.get(23)).toBeUndefined();
  });

  it('takes the last page as whole though it is short, until there is more', () => {
    const pages = new LinePages<number>(10);
    pages.put(9, range(90, 95), 95);
    expect(pages.wanted(90, 200)).toEqual([]);
    pages.total = 97;
    expect(pages.wanted(90, 97)).toEqual([9]);
  });

  it('forgets what was seen longest ago', () => {
    const pages = new LinePages<number>(10, 2);
    pages.total = 100;
    pages.put(0, range(0, 10), 100);
    pages.put(1, range(10, 20), 100);
    pages.wanted(0, 5);
    pages.put(2, range(20, 30), 100);
    expect(pages.get(0)).toBe(0);
    expect(pages.get(10)).toBeUndefined();
  });

  it('grows at the end, and replaces lines that changed', () => {
    const pages = new LinePages<string>(4);
    pages.put(0, ['a', 'b', 'c', 'd'], 5);
    pages.put(1, ['e'], 5);
    pages.patch(3, ['D', 'E', 'f', 'g', 'h', 'i'], 9);
    expect(range(0, 9).map((n) => pages.get(n))).toEqual([...'abcDEfghi']);
    pages.patch(20, ['x'], 21);
    expect(pages.get(20)).toBe('x');
    pages.patch(30, ['y'], 31);
    expect(pages.get(30)).toBeUndefined();
  });
});

describe('scrolling', () => {
  const short = { total: 1000, lineHeight: 20, view: 400 };
  const long = { total: 1_000_000, lineHeight: 20, view: 400 };

  it('is exact for texts that a browser can draw', () => {
    expect(spacer(short)).toBe(20_000);
    expect(lineAt(410, short)).toBe(20.5);
    expect(topOf(20.5, short)).toBe(410);
    expect(topOf(5000, short)).toBe(19_600);
  });

  it('reaches both ends of longer ones', () => {
    expect(spacer(long)).toBe(HIGHEST);
    expect(lineAt(0, long)).toBe(0);
    expect(lineAt(HIGHEST - 400, long)).toBe(999_980);
    expect(lineAt(topOf(123_456.5, long), long)).toBeCloseTo(123_456.5, 5);
    expect(lastTop(long)).toBe(999_980);
  });
});

describe('firstFrom', () => {
  it('finds the match at or after a line in few questions', async () => {
    const lines = range(0, 1000).map((i) => i * 7);
    let asked = 0;
    const lineOf = (i: number) => Promise.resolve((asked++, lines[i] ?? 0));
    expect(await firstFrom(700, 1000, lineOf)).toBe(100);
    expect(await firstFrom(701, 1000, lineOf)).toBe(101);
    expect(await firstFrom(99_999, 1000, lineOf)).toBe(1000);
    expect(asked).toBeLessThan(33);
  });
});

describe('seekTime', () => {
  const times = range(0, 20_000).map((n) => 1e6 + n * 10 + (n > 9000 ? 5e5 : 0));
  const setUp = () => {
    let asked = 0;
    const read = (offset: number) => {
      asked += 1;
      const end = Math.min(offset + 100, times.length);
      return Promise.resolve(range(offset, end).map((n) => ({ n, time: times[n] ?? 0 })));
    };
    return { read, asked: () => asked };
  };

  it('finds a line by its time in few pieces', async () => {
    const { read, asked } = setUp();
    const marks: { n: number; time: number }[] = [];
    for (const n of [0, 123, 8999, 9001, 15_000, 19_999]) {
      expect(await seekTime(times[n] ?? 0, times.length, marks, read)).toBe(n);
    }
    expect(asked()).toBeLessThan(60);
  });

  it('knows both ends, and a console of nothing', async () => {
    const { read } = setUp();
    expect(await seekTime(0, times.length, [], read)).toBe(0);
    expect(await seekTime(1e12, times.length, [], read)).toBe(times.length);
    expect(await seekTime(5, 0, [], read)).toBe(0);
  });

  it('takes the first of lines of one time', async () => {
    const read = (offset: number) =>
      Promise.resolve(range(offset, Math.min(300, offset + 100)).map((n) => ({ n, time: 7 })));
    expect(await seekTime(7, 300, [], read)).toBe(0);
  });
});
