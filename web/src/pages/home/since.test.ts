import { describe, expect, it } from 'vitest';

import type { Project, RunsTable } from '../../api/types';
import { arrive, look, markRead, movedQuery, news, PAUSE, readVisit, sortProjects } from './since';

const T = 1_800_000_000_000;

function project(name: string, value: number, more: Partial<Project> = {}): Project {
  const headline = { key: 'val/acc', goal: 'max' as const, value, run: 'r1', run_name: 'one' };
  return {
    name, runs: 3, running: 0, created: 1, updated: 5, failed_recent: 0, activity: [], headline,
    ...more,
  }; // prettier-ignore
}

function table(rows: [string, number, number, RunsTable['statuses'][number]][]): RunsTable {
  const column = (field: string, values: (string | number | null)[]) => ({
    field, kind: 'attribute' as const, type: '', values,
  }); // prettier-ignore
  return {
    total: rows.length,
    total_all: rows.length,
    constant: [],
    offset: 0,
    ids: rows.map((_, i) => `r${i}`),
    slots: rows.map(() => 0),
    statuses: rows.map((row) => row[3]),
    columns: [
      column('project', rows.map((row) => row[0])), // prettier-ignore
      column('created', rows.map((row) => row[1])), // prettier-ignore
      column('ended', rows.map((row) => row[2])), // prettier-ignore
      column('updated', rows.map((row) => row[1] + 1)), // prettier-ignore
    ],
  };
}

describe('a visit', () => {
  it('has no past the first time', () => {
    const visit = arrive(null, T);
    expect(visit.since).toBe(0);
    expect(news(visit, [project('a', 0.9)], null)).toEqual([]);
  });

  it('goes on while the page was seen lately, and begins anew after a pause', () => {
    const first = look(arrive(null, T), [project('a', 0.8)], T);
    expect(arrive(first, T + PAUSE - 1)).toBe(first);
    const next = arrive(first, T + PAUSE + 1);
    expect(next.since).toBe(T);
    expect(next.before).toEqual({ a: { key: 'val/acc', value: 0.8 } });
  });

  it('keeps what is news over a reload', () => {
    const first = look(arrive(null, T), [project('a', 0.8)], T);
    const second = look(arrive(first, T + 2 * PAUSE), [project('a', 0.9)], T + 2 * PAUSE);
    const again = arrive(second, T + 2 * PAUSE + 5);
    expect(news(again, [project('a', 0.9)], null)[0]?.best).toMatchObject({
      value: 0.9,
      before: 0.8,
    });
    expect(news(markRead(again, [project('a', 0.9)], T), [project('a', 0.9)], null)).toEqual([]);
  });

  it('is read with care', () => {
    expect(readVisit('x')).toBeNull();
    expect(readVisit({ since: 1 })).toBeNull();
    expect(readVisit({ since: 1, seen: 2 })).toEqual({ since: 1, seen: 2, before: {}, latest: {} });
  });
});

describe('news', () => {
  const visit = { since: T, seen: T, before: {}, latest: {} };
  const us = T * 1000;

  it('counts what began, finished and failed since', () => {
    const found = news(visit, [project('a', 1), project('b', 1)], table([
      ['a', us + 5, us + 9, 'finished'],
      ['a', us - 5, us + 9, 'failed'],
      ['a', us + 5, 0, 'running'],
      ['a', us + 5, 0, 'lost'],
    ])); // prettier-ignore
    expect(found).toEqual([{ project: 'a', began: 3, finished: 1, failed: 2, best: null }]);
  });

  it('knows a better value by the goal', () => {
    const before = { a: { key: 'val/acc', value: 0.9 }, b: { key: 'loss', value: 0.3 } };
    const lower = project('b', 0.4);
    lower.headline = { ...lower.headline!, key: 'loss', goal: 'min' };
    const found = news({ ...visit, before }, [project('a', 0.91), lower], null);
    expect(found.map((one) => [one.project, one.best?.before])).toEqual([['a', 0.9]]);
  });

  it('calls the first value of a new project a best', () => {
    expect(news(visit, [project('a', 0.5, { created: us + 1 })], null)[0]?.best?.before).toBeNull();
    expect(news(visit, [project('a', 0.5, { created: us - 1 })], null)).toEqual([]);
  });

  it('asks for both ends of runs', () => {
    expect(movedQuery(0)).toBe(
      "created > '1970-01-01T00:00:00.000Z' or ended > '1970-01-01T00:00:00.000Z'",
    );
  });
});

it('sorts projects, those at work first', () => {
  const all = [
    project('b', 1, { updated: 9 }),
    project('a', 1, { updated: 5, running: 1 }),
    project('c', 1, { updated: 7, runs: 9 }),
  ];
  expect(sortProjects(all, 'updated').map((one) => one.name)).toEqual(['a', 'b', 'c']);
  expect(sortProjects(all, 'name').map((one) => one.name)).toEqual(['a', 'b', 'c']);
  expect(sortProjects(all, 'runs').map((one) => one.name)).toEqual(['c', 'a', 'b']);
});
