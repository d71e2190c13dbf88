import { expect, test } from 'vitest';
import type { Repeat, Waste } from '../../api/types';
import {
  dayOf,
  figuresOf,
  resultOf,
  runsOf,
  shareText,
  wasteSnippets,
  weeksOf,
  workText,
} from './waste';

const WEEK = 7 * 86_400_000_000;
const group: Repeat = {
  kind: 'duplicate', script: 'a.py', project: 'p', runs: ['r1', 'r2', 'r3'], users: ['ada'],
  seconds: 50, metric: 'acc', mean: 0.9, interval: 0, last: 5,
}; // prettier-ignore
const waste: Waste = {
  project: 'p',
  runs: { finished: 3, failed: 2 },
  seconds: { finished: 150, failed: 50 },
  failures: [{ name: 'killed', runs: ['f1', 'f2'], seconds: 50, median: 25 }],
  repeats: [group],
  repeated_seconds: 50,
  after_divergence: [{ run: 'n1', metric: 'loss', step: 3, seconds: 0.5 }],
  diverged_seconds: 0.5,
  weeks: [
    { week: 0, runs: 1, seconds: 100, not_completed: 25, repeated: 50 },
    { week: 2 * WEEK, runs: 4, seconds: 50, not_completed: 0, repeated: 0 },
  ],
} as unknown as Waste;

test('each figure leads to the runs behind it', () => {
  const [again, early, gone] = figuresOf(waste);
  expect(again).toMatchObject({ seconds: 50, share: '25 %', runs: 2, where: "id in ('r2', 'r3')" });
  expect(early?.where).toContain("status in ('failed'");
  expect(gone).toMatchObject({ share: 'less than 1 %', where: "id in ('n1')" });
  const none = figuresOf({ ...waste, repeats: [], repeated_seconds: 0 });
  expect(none[0]).toMatchObject({ runs: 0, where: '', share: '0 %' });
});

test('weeks stand side by side, those without work as well', () => {
  const weeks = weeksOf(waste);
  expect(weeks.map((one) => one.seconds)).toEqual([100, 0, 50]);
  expect(weeks[0]?.parts.map((part) => part.share)).toEqual([0.25, 0.25, 0.5]);
  expect(weeks[0]?.where).toBe("created >= '1970-01-01' and created < '1970-01-08'");
  expect(weeksOf(waste, 1)).toHaveLength(1);
  expect(weeksOf({ ...waste, weeks: [] })).toEqual([]);
  expect(dayOf(WEEK)).toBe('1970-01-08');
});

test('words', () => {
  expect(workText(90)).toBe('1m 30s');
  expect(workText(36_000 + 720)).toBe('10.2 h');
  expect(shareText(1, 0)).toBe('0 %');
  expect(resultOf(group)).toBe('acc 0.9');
  expect(resultOf({ ...group, interval: 0.05, metric: 'acc' })).toBe('acc 0.9 ± 0.05');
  expect(runsOf(Array.from({ length: 300 }, (_, i) => `r${i}`)).split(',')).toHaveLength(200);
  expect(wasteSnippets('a b').cli).toBe("notabene stats 'a b'");
});
