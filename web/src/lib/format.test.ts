import { describe, expect, it } from 'vitest';
import {
  formatAgo,
  formatBytes,
  formatDuration,
  formatNumber,
  formatValue,
  num,
  plural,
  short,
} from './format';

describe('numbers', () => {
  it.each([
    [0, '0'],
    [0.79241, '0.7924'],
    [0.5, '0.5'],
    [1204, '1,204'],
    [10204.37, '10,204'],
    [123.456, '123.5'],
    [3e-5, '3e−5'],
    [1.23456e9, '1.235e9'],
    [-0.25, '−0.25'],
    [NaN, 'NaN'],
    [Infinity, '∞'],
    [-Infinity, '−∞'],
  ])('%d reads as %s', (value, text) => {
    expect(formatNumber(value)).toBe(text);
  });

  it('reads the words that JSON has for what is no number', () => {
    expect([num('NaN'), num('Infinity'), num('-Infinity'), num(2), num(null)]).toEqual([
      NaN, Infinity, -Infinity, 2, NaN,
    ]); // prettier-ignore
  });

  it('shortens and counts', () => {
    expect([short(1_200_000), short(12_300), short(999)]).toEqual(['1.2M', '12.3k', '999']);
    expect([plural(1, 'run'), plural(0, 'run'), plural(1200, 'run')]).toEqual([
      '1 run',
      '0 runs',
      '1,200 runs',
    ]);
  });

  it('shows any value in a line', () => {
    expect(formatValue([1, 'a'])).toBe('[1,"a"]');
    expect([formatValue(null), formatValue(true), formatValue('NaN')]).toEqual(['', 'true', 'NaN']);
  });
});

describe('times', () => {
  it.each([
    [0.34, '340 ms'],
    [7.25, '7.3 s'],
    [59.7, '1m'],
    [250, '4m 10s'],
    [8040, '2h 14m'],
    [86_400 * 3 + 4 * 3600, '3d 4h'],
  ])('%d s reads as %s', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });

  it('says how long ago', () => {
    const now = new Date(2026, 10, 22, 15, 0).getTime();
    const ago = (seconds: number) => formatAgo((now - seconds * 1000) * 1000, now);
    expect([ago(12), ago(300), ago(7200)]).toEqual(['12 s ago', '5 min ago', '13:00']);
    expect(ago(86_400 * 2)).toBe('Fri 15:00');
    expect(ago(86_400 * 400)).toBe('18 Oct 2025');
    expect(formatAgo(0, now)).toBe('');
  });

  it('shows sizes in powers of 1000', () => {
    expect([formatBytes(999), formatBytes(12_400_000), formatBytes(999_900)]).toEqual([
      '999 B',
      '12.4 MB',
      '1 MB',
    ]);
  });
});
