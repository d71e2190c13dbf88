/** Data → run → artifact → run …, laid out in columns from left to right. */
import type { Flows } from '../../../api/types';

export interface Node {
  kind: 'run' | 'artifact' | 'file';
  id: string;
  name: string;
  type: string;
}

export interface Edge {
  run: string;
  direction: 'input' | 'output';
  name: string;
  version: number;
  role: string;
  /** Id of what is at the other end, where that is no version of an artifact. */
  end?: string;
}

/** Runs and files by content, as a graph: a file is its digest. */
export function byContent(found: Flows): { nodes: Node[]; edges: Edge[] } {
  return {
    nodes: found.nodes.map(({ kind, id, name, type }) => ({ kind, id, name, type })),
    edges: found.edges.map(({ run, direction, digest, path }) => ({
      run,
      direction,
      name: path,
      version: 0,
      role: direction === 'input' ? 'read' : 'wrote',
      end: digest,
    })),
  };
}

export const endOf = (edge: Edge) => edge.end ?? `${edge.name}:v${edge.version}`;

export interface Placed extends Node {
  layer: number;
  x: number;
  y: number;
}

export interface Line {
  from: Placed;
  to: Placed;
  role: string;
}

export interface Layout {
  nodes: Placed[];
  lines: Line[];
  width: number;
  height: number;
  /** Nodes that are left out, the farthest. */
  hidden: number;
}

export const BOX = { width: 188, height: 44 };
const GAP = { x: 56, y: 12 };

type Pair = [from: string, to: string, role: string];

/** Edges as data flows: inputs into runs, outputs out of them. Each once. */
export function flows(edges: readonly Edge[]): Pair[] {
  const seen = new Map<string, Pair>();
  for (const edge of edges) {
    const { run, direction, role } = edge;
    const ref = endOf(edge);
    const pair: Pair = direction === 'input' ? [ref, run, role] : [run, ref, role];
    seen.set(`${pair[0]}\n${pair[1]}`, pair);
  }
  return [...seen.values()];
}

export function layOut(
  nodes: readonly Node[],
  edges: readonly Edge[],
  start: string,
  most = 120,
): Layout {
  const kept = nearest(nodes, flows(edges), start, most);
  const ids = new Set(kept.map((node) => node.id));
  const pairs = withoutCycles(flows(edges).filter(([a, b]) => ids.has(a) && ids.has(b)));
  const layers = layersOf([...ids], pairs);
  const columns: string[][] = [];
  for (const id of ids) (columns[layers.get(id) ?? 0] ??= []).push(id);
  const order = ordered(columns, pairs);
  const tallest = Math.max(1, ...order.map((column) => column.length));
  const height = tallest * (BOX.height + GAP.y) - GAP.y;
  const placed = new Map<string, Placed>();
  for (const [layer, column] of order.entries()) {
    const used = column.length * (BOX.height + GAP.y) - GAP.y;
    for (const [row, id] of column.entries()) {
      const node = kept.find((one) => one.id === id);
      if (!node) continue;
      const y = (height - used) / 2 + row * (BOX.height + GAP.y);
      placed.set(id, { ...node, layer, x: layer * (BOX.width + GAP.x), y });
    }
  }
  const lines: Line[] = [];
  for (const [from, to, role] of pairs) {
    const [a, b] = [placed.get(from), placed.get(to)];
    if (a && b) lines.push({ from: a, to: b, role });
  }
  const width = order.length * (BOX.width + GAP.x) - GAP.x;
  return { nodes: [...placed.values()], lines, width, height, hidden: nodes.length - kept.length };
}

/** The nodes in the fewest steps from the one in question. */
function nearest(nodes: readonly Node[], pairs: readonly Pair[], start: string, most: number) {
  const next = new Map<string, string[]>();
  for (const [a, b] of pairs) {
    next.set(a, [...(next.get(a) ?? []), b]);
    next.set(b, [...(next.get(b) ?? []), a]);
  }
  const known = new Map(nodes.map((node) => [node.id, node]));
  const found = new Set(known.has(start) ? [start] : []);
  for (const id of found) for (const other of next.get(id) ?? []) found.add(other);
  for (const { id } of nodes) found.add(id);
  return [...found].slice(0, most).flatMap((id) => known.get(id) ?? []);
}

/** A run may read what it also made: an edge that would close a circle is left out. */
function withoutCycles(pairs: readonly Pair[]): Pair[] {
  const next = new Map<string, string[]>();
  const reaches = (from: string, to: string): boolean => {
    const seen = new Set([from]);
    for (const id of seen) {
      if (id === to) return true;
      for (const other of next.get(id) ?? []) seen.add(other);
    }
    return false;
  };
  return pairs.filter(([from, to]) => {
    if (from === to || reaches(to, from)) return false;
    next.set(from, [...(next.get(from) ?? []), to]);
    return true;
  });
}

/** Column of each: one behind the last of what leads to it; sources stand close to what they feed. */
function layersOf(ids: readonly string[], pairs: readonly Pair[]): Map<string, number> {
  const layers = new Map(ids.map((id) => [id, 0]));
  for (let round = 0, moved = true; moved && round <= ids.length; round++) {
    moved = false;
    for (const [from, to] of pairs) {
      const wanted = (layers.get(from) ?? 0) + 1;
      if ((layers.get(to) ?? 0) < wanted) {
        layers.set(to, wanted);
        moved = true;
      }
    }
  }
  const targets = new Set(pairs.map(([, to]) => to));
  for (const id of ids) {
    const after = pairs.filter(([from]) => from === id).map(([, to]) => layers.get(to) ?? 0);
    if (!targets.has(id) && after.length) layers.set(id, Math.max(0, Math.min(...after) - 1));
  }
  return layers;
}

/** Rows of each column, so that few lines cross: each near the middle of its neighbours. */
function ordered(columns: readonly string[][], pairs: readonly Pair[]): string[][] {
  let order = Array.from(columns, (column) => [...(column ?? [])]);
  for (let round = 0; round < 4; round++) {
    const forth = round % 2 === 0;
    const place = new Map(order.flatMap((column) => column.map((id, i) => [id, i] as const)));
    order = order.map((column) => {
      const middle = new Map(
        column.map((id, i) => {
          const near = pairs.flatMap(([a, b]) => {
            if (forth) return b === id ? [place.get(a) ?? i] : [];
            return a === id ? [place.get(b) ?? i] : [];
          });
          return [id, near.length ? near.reduce((x, y) => x + y, 0) / near.length : i] as const;
        }),
      );
      return [...column].sort((a, b) => (middle.get(a) ?? 0) - (middle.get(b) ?? 0));
    });
  }
  return order;
}

/** A line from the right edge of one box to the left edge of another. */
export function curve({ from, to }: Line): string {
  const [x1, y1] = [from.x + BOX.width, from.y + BOX.height / 2];
  const [x2, y2] = [to.x, to.y + BOX.height / 2];
  const bend = Math.max(24, (x2 - x1) / 2);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}
