import { describe, expect, it } from 'vitest';

import { alertParts, byDay, dayTitle, foldText, type DiaryEntry, type Kind } from './days';
import { joined } from './pages.svelte';

const DAY = Date.UTC(2026, 10, 28) * 1000;

function entry(minute: number, kind: Kind, run = '', more: Partial<DiaryEntry> = {}): DiaryEntry {
  return {
    time: DAY + minute * 60e6, kind, text: kind, author: 'ana', run, run_name: run && `run ${run}`,
    verdict: '', status: kind === 'ended' ? 'finished' : '', ...more,
  }; // prettier-ignore
}

describe('byDay', () => {
  it('groups by the day of the zone, newest first, or turned round', () => {
    const all = [entry(10, 'note'), entry(-10, 'note'), entry(-3000, 'note')];
    expect(byDay(all, 'utc').map((day) => day.day)).toEqual([
      '2026-11-28',
      '2026-11-27',
      '2026-11-25',
    ]);
    const turned = byDay(all, 'utc', { oldestFirst: true });
    expect(turned[0]?.day).toBe('2026-11-25');
  });

  it('tells begin and end of a run in one line, if both are of that day', () => {
    const all = [
      entry(9, 'ended', 'a'),
      entry(5, 'ended', 'b'),
      entry(4, 'run', 'a'),
      entry(-5, 'run', 'b'),
    ];
    const [today, before] = byDay(all, 'utc');
    expect(today?.items.map((one) => one.kind === 'entry' && [one.entry.run, one.began])).toEqual([
      ['a', DAY + 4 * 60e6],
      ['b', undefined],
    ].map(([run, began]) => [run, began ?? 0])); // prettier-ignore
    expect(before?.items).toHaveLength(1);
  });

  it('draws many begins and ends together, but nothing people wrote and no failure', () => {
    const ends = Array.from({ length: 8 }, (_, i) => entry(100 - i, 'ended', `r${i}`));
    const all = [
      ...ends,
      entry(20, 'note'),
      entry(10, 'ended', 'f', { status: 'failed' }),
      entry(5, 'run', 'x'),
    ];
    const items = byDay(all, 'utc')[0]?.items ?? [];
    expect(items.map((one) => (one.kind === 'fold' ? 'fold' : one.entry.kind))).toEqual([
      'fold',
      'note',
      'ended',
      'run',
    ]);
    expect(items[0]?.kind === 'fold' && foldText(items[0])).toBe('8 runs: 8 finished');
    expect(byDay(all, 'utc', { apart: true })[0]?.items).toHaveLength(11);
  });

  it('gives each item a key of its own', () => {
    const all = [entry(1, 'note', '', { id: 'n1' }), entry(1, 'note', '', { id: 'n2' })];
    const keys = byDay(all, 'utc')[0]?.items.map((one) => one.key);
    expect(new Set(keys).size).toBe(2);
  });
});

it('what was read anew stands before what had been read of what follows', () => {
  const known = [5, 4, 3, 2, 1].map((minute) => entry(minute, 'note'));
  const fresh = [6, 5, 4].map((minute) => entry(minute, 'note'));
  expect(joined(fresh, known).map((one) => one.time)).toEqual(
    [6, 5, 4, 3, 2, 1].map((minute) => entry(minute, 'note').time),
  );
  expect(joined([entry(9, 'note')], known)).toHaveLength(1);
  expect(joined([], known)).toEqual([]);
});

it('names days', () => {
  expect(dayTitle('2026-11-28', DAY + 5, 'utc')).toBe('Today, Saturday 28 November');
  expect(dayTitle('2026-11-27', DAY + 5, 'utc')).toBe('Yesterday, Friday 27 November');
  expect(dayTitle('2026-01-02', DAY, 'utc')).toBe('Friday 2 January');
  expect(dayTitle('2025-01-02', DAY, 'utc')).toBe('Thursday 2 January 2025');
});

it('reads the level of an alert', () => {
  expect(alertParts(entry(1, 'alert', 'a', { text: 'error: NaN: stop' }))).toEqual({
    level: 'error',
    text: 'NaN: stop',
  });
  expect(alertParts(entry(1, 'alert', 'a', { text: 'odd' }))).toEqual({
    level: 'warning',
    text: 'odd',
  });
});
