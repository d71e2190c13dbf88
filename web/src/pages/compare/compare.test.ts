import { describe, expect, it } from 'vitest';

import type { MetricSummary, RunInfo } from '../../api/types';
import { add, inOrder, MOST, readChosen, remove } from './chosen';
import { toCsv, toMarkdown } from './copyout';
import { deltaOf } from './delta';
import { countText, linesOf } from './lines';
import { bestOf, blocksOf, canonical, differ, readCaptured } from './rows';

function metric(key: string, last: number, more: Partial<MetricSummary> = {}): MetricSummary {
  return {
    key, n: 1, last, last_step: 0, last_time: 0, min: last, min_step: 0, max: last, max_step: 0,
    mean: last, first: last, first_step: 0, nan: 0, posinf: 0, neginf: 0, goal: '', unit: '', x: '',
    summary: '', ...more,
  }; // prettier-ignore
}

function run(id: string, more: Partial<RunInfo> = {}): RunInfo {
  return {
    id, project: 'p', name: `run ${id}`, status: 'finished', created: 1, started: 1, ended: 2,
    updated: 2, duration: 1, number: 1, user: 'a', host: 'h', group: '', parent: '', source: 'sdk',
    hypothesis: '', conclusion: null, tags: {}, params: {}, metrics: {}, summary: {}, facts: {},
    notes: [], alerts: [], health: [], artifacts: [], exit_code: null, reason: '', traceback: '',
    last_lines: '', points: 1, ranks: 1, archived: false, deleted: false, cost_cpu: 0, ...more,
  }; // prettier-ignore
}

const block = (blocks: ReturnType<typeof blocksOf>, id: string) =>
  blocks.find((one) => one.id === id);

describe('differences', () => {
  it('tells values apart by content, and absence from all values', () => {
    expect(differ([1, 1.0])).toBe(false);
    expect(
      differ([
        { a: 1, b: [2] },
        { b: [2], a: 1 },
      ]),
    ).toBe(false);
    expect(differ([undefined, null])).toBe(true);
    expect(differ([undefined, ''])).toBe(true);
    expect(differ(['1', 1])).toBe(true);
    expect(canonical({ b: 1, a: { d: 1, c: 2 } })).toBe('{"a":{"c":2,"d":1},"b":1}');
  });

  it('finds the best by the goal, ties included, NaN left out', () => {
    expect(bestOf([0.1, 0.3, 'NaN', 0.3], 'max')).toEqual([1, 3]);
    expect(bestOf([0.1, undefined, 0.2], 'min')).toEqual([0]);
    expect(bestOf([0.1, 0.1], 'max')).toEqual([]);
    expect(bestOf([1, 2], '')).toEqual([]);
  });

  it('writes them with sign, share and sense', () => {
    expect(deltaOf(0.79, 0.792, 'max')).toEqual({
      amount: '+0.002',
      share: '+0.25 %',
      sense: 'better',
    });
    expect(deltaOf(2, 1, 'max')).toMatchObject({ amount: '−1', share: '−50 %', sense: 'worse' });
    expect(deltaOf(0.001, 0.03)).toMatchObject({ share: '×30', sense: '' });
    expect(deltaOf(0.03, 0.001)).toMatchObject({ share: '÷30' });
    expect(deltaOf(0, 3)).toMatchObject({ amount: '+3', share: '' });
    expect(deltaOf(-2, -1)).toMatchObject({ amount: '+1', share: '+50 %' });
    for (const [a, b] of [[1, 1], ['NaN', 1], ['x', 'y'], [true, false], [undefined, 2]] as const) {
      expect(deltaOf(a, b)).toBeNull();
    } // prettier-ignore
  });
});

describe('blocks', () => {
  const runs = [
    run('a', {
      params: { lr: 0.1, same: 3 },
      metrics: { acc: metric('acc', 0.5, { goal: 'max', max: 0.7 }), loss: metric('loss', 2) },
      facts: { 'env.numpy': '2.4', 'env.python': '3.11', 'host.memory': 8e9, 'git.commit': 'abc' },
      artifacts: [
        { run: 'a', direction: 'input', name: 'd', version: 1, digest: '', time: 0, role: 'train' },
        { run: 'a', direction: 'output', name: 'm', version: 1, digest: '', time: 0, role: '' },
      ],
    }),
    run('b', {
      params: { lr: 0.2, same: 3 },
      tags: { x: '' },
      metrics: { acc: metric('acc', 0.6, { goal: 'max', max: 0.6 }) },
      facts: { 'env.numpy': '2.5', 'env.python': '3.11', 'host.memory': 8e9, 'git.commit': 'abd' },
    }),
  ];

  it('counts rows and those that differ', () => {
    const params = block(blocksOf(runs), 'params')!;
    expect([params.rows.length, params.differing]).toEqual([2, 1]);
    expect(countText(params)).toBe('1 of 2 params differs');
    expect(countText(block(blocksOf(runs), 'hardware')!)).toBe('the one entry is the same');
  });

  it('puts the best of metrics with a goal first', () => {
    const rows = block(blocksOf(runs), 'outcome')!.rows.filter((one) => one.note);
    expect(rows.map((one) => [one.label, one.note, one.best])).toEqual([
      ['acc', 'best', [0]],
      ['acc', 'last', [1]],
      ['loss', 'last', []],
    ]);
  });

  it('lists inputs by role, not what was made', () => {
    expect(block(blocksOf(runs), 'inputs')!.rows.map((one) => [one.label, one.cells])).toEqual([
      ['d (train)', ['v1', undefined]],
    ]);
  });

  it('shows packages once they are known of all', () => {
    const a = readCaptured({ environment: { packages: { numpy: '2.4', torch: '2.9' } } });
    const b = readCaptured({
      environment: { packages: { numpy: '2.5' } },
      code: { files: { 'a.py': 'f00' } },
    });
    const labels = (known: Map<string, typeof a>) =>
      block(blocksOf(runs, known), 'environment')!.rows.map((one) => one.label);
    expect(labels(new Map([['a', a]]))).toEqual(['env.numpy', 'env.python']);
    expect(labels(new Map([['a', a], ['b', b]]))).toEqual(['env.python', 'numpy', 'torch']); // prettier-ignore
    expect(readCaptured(null)).toEqual({ packages: {}, files: {} });
  });

  it('filters lines by difference, words and what is closed', () => {
    const blocks = blocksOf(runs);
    const all = linesOf(blocks, { onlyDifferences: false, search: '', closed: [] });
    const few = linesOf(blocks, { onlyDifferences: true, search: '', closed: ['outcome'] });
    expect(all.length).toBeGreaterThan(few.length);
    expect(few.filter((line) => line.kind === 'row' && line.row.block === 'outcome')).toEqual([]);
    const found = linesOf(blocks, { onlyDifferences: true, search: 'LR 0.2', closed: ['params'] });
    expect(found.map((line) => (line.kind === 'row' ? line.row.label : line.block.id))).toEqual([
      'params',
      'lr',
    ]);
  });

  it('is copied as CSV and Markdown, safely', () => {
    const odd = [run('a', { name: 'a|b', params: { x: '=1+1', y: 'p,"q"', z: -1 } }), run('b')];
    const lines = linesOf(blocksOf(odd), { onlyDifferences: true, search: '', closed: [] });
    const csv = toCsv(lines, odd);
    expect(csv).toContain("params,x,'=1+1,");
    expect(csv).toContain('params,y,"p,""q""",');
    expect(csv).toContain('params,z,-1,');
    expect(toMarkdown(lines, odd)).toContain('|  | a\\|b | run b |');
  });
});

describe('the runs chosen', () => {
  it('has a reference among them', () => {
    expect(readChosen(['a', 'b', 'a'], '')).toEqual({ runs: ['a', 'b'], ref: 'a' });
    expect(readChosen(['a'], 'z')).toEqual({ runs: ['z', 'a'], ref: 'z' });
    expect(readChosen([], '')).toEqual({ runs: [], ref: '' });
    expect(readChosen(Array.from({ length: 80 }, (_, i) => `r${i}`), '').runs).toHaveLength(MOST); // prettier-ignore
  });

  it('keeps its order when one is added, taken away or swapped', () => {
    const chosen = { runs: ['a', 'b', 'c'], ref: 'b' };
    expect(inOrder(chosen)).toEqual(['b', 'a', 'c']);
    expect(add(chosen, 'd').runs).toEqual(['a', 'b', 'c', 'd']);
    expect(remove(chosen, 'b')).toEqual({ runs: ['a', 'c'], ref: 'a' });
  });
});
