import { describe, expect, it } from 'vitest';

import { byContent, curve, flows, layOut, type Edge, type Node } from './lineage';

const run = (id: string): Node => ({ kind: 'run', id, name: id, type: 'finished' });
const art = (id: string): Node => ({ kind: 'artifact', id, name: id, type: 'dataset' });
const edge = (run: string, direction: 'input' | 'output', name: string, version = 1): Edge => ({
  run,
  direction,
  name,
  version,
  role: '',
});

describe('layOut', () => {
  it('puts data left of runs left of what they made', () => {
    const { nodes, lines, hidden } = layOut(
      [run('r'), art('data:v1'), art('model:v1'), run('p')],
      [edge('r', 'input', 'data'), edge('r', 'output', 'model'), edge('p', 'output', 'data')],
      'r',
    );
    const layer = Object.fromEntries(nodes.map((node) => [node.id, node.layer]));
    expect(layer).toEqual({ p: 0, 'data:v1': 1, r: 2, 'model:v1': 3 });
    expect(lines).toHaveLength(3);
    expect(hidden).toBe(0);
  });

  it('pulls a source next to what it feeds', () => {
    const { nodes } = layOut(
      [run('r'), art('a:v1'), run('p'), art('late:v1'), art('b:v1')],
      [
        edge('p', 'output', 'a'),
        edge('r', 'input', 'a'),
        edge('r', 'input', 'late'),
        edge('r', 'output', 'b'),
      ],
      'r',
    );
    expect(nodes.find((node) => node.id === 'late:v1')?.layer).toBe(1);
  });

  it('survives a run that reads what it made', () => {
    const { lines } = layOut(
      [run('r'), art('a:v1')],
      [edge('r', 'output', 'a'), edge('r', 'input', 'a')],
      'r',
    );
    expect(lines).toHaveLength(1);
  });

  it('keeps the nearest of many and counts the rest', () => {
    const far = Array.from({ length: 30 }, (_, i) => art(`x:v${i + 1}`));
    const edges = far.map((_, i) => edge('r', 'input', 'x', i + 1));
    const out = layOut([...far, run('r'), run('alone')], edges, 'r', 11);
    expect(out.nodes).toHaveLength(11);
    expect(out.nodes.some((node) => node.id === 'r')).toBe(true);
    expect(out.hidden).toBe(21);
  });

  it('does not put two boxes on each other', () => {
    const nodes = [run('r'), art('a:v1'), art('b:v1'), art('c:v1')];
    const edges = ['a', 'b', 'c'].map((name) => edge('r', 'output', name));
    const places = layOut(nodes, edges, 'r').nodes.map(({ x, y }) => `${x} ${y}`);
    expect(new Set(places).size).toBe(4);
  });
});

it('draws each flow once, and lines between edges of boxes', () => {
  expect(flows([edge('r', 'input', 'a'), edge('r', 'input', 'a')])).toEqual([['a:v1', 'r', '']]);
  const { lines } = layOut([run('r'), art('a:v1')], [edge('r', 'output', 'a')], 'r');
  expect(curve(lines[0]!)).toMatch(/^M188 22C/);
});

describe('byContent', () => {
  it('joins runs by the digest of what they read and wrote', () => {
    const { nodes, edges } = byContent({
      nodes: [
        { kind: 'run', id: 'a', name: 'a', type: 'a.py' },
        { kind: 'file', id: 'd1', name: 'x.csv', type: 'x.csv' },
        { kind: 'run', id: 'b', name: 'b', type: 'b.py' },
      ],
      edges: [
        { run: 'a', direction: 'output', digest: 'd1', path: 'x.csv' },
        { run: 'b', direction: 'input', digest: 'd1', path: 'copy.csv' },
      ],
      hidden: 0,
    });
    expect(flows(edges)).toEqual([
      ['a', 'd1', 'wrote'],
      ['d1', 'b', 'read'],
    ]);
    expect(layOut(nodes, edges, 'a').nodes.map((node) => node.layer)).toEqual([0, 1, 2]);
  });
});
