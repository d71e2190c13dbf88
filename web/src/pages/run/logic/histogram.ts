/** Distributions: bars of one step, and how they move over steps. */
import type { Json } from '../../../api/types';
import { num } from '../../../lib/format';

export interface Histogram {
  counts: number[];
  edges: number[];
  n: number;
  mean: number;
  std: number;
  min: number;
  max: number;
  nan: number;
  posinf: number;
  neginf: number;
}

export function readHistogram(value: { [key: string]: Json }): Histogram {
  const list = (given: Json | undefined) => (Array.isArray(given) ? given.map((v) => num(v)) : []);
  const count = (given: Json | undefined) => (typeof given === 'number' ? given : 0);
  return {
    counts: list(value.counts),
    edges: list(value.edges),
    n: count(value.n),
    mean: num(value.mean),
    std: num(value.std),
    min: num(value.min),
    max: num(value.max),
    nan: count(value.nan),
    posinf: count(value.posinf),
    neginf: count(value.neginf),
  };
}

export interface Heat {
  /** One per row, from the lowest values up. */
  edges: number[];
  /** Share of the column's values in each row, 0..1 of the greatest share of all. */
  columns: number[][];
}

/** Histograms with edges of their own, on one grid: what lies in a bin is spread evenly over it. */
export function heatOf(all: readonly Histogram[], rows = 40): Heat {
  const used = all.filter((one) => one.counts.length && one.edges.length > 1);
  const low = Math.min(...used.map((one) => one.edges[0] ?? 0));
  const high = Math.max(...used.map((one) => one.edges.at(-1) ?? 0));
  if (!used.length || !Number.isFinite(low + high)) return { edges: [], columns: [] };
  const width = (high - low || 1) / rows;
  const edges = Array.from({ length: rows + 1 }, (_, i) => low + i * width);
  const columns = all.map((one) => spread(one, low, width, rows));
  const most = Math.max(...columns.flat(), 1e-12);
  return { edges, columns: columns.map((column) => column.map((share) => share / most)) };
}

function spread(one: Histogram, low: number, width: number, rows: number): number[] {
  const out = Array.from({ length: rows }, () => 0);
  const whole = one.counts.reduce((a, b) => a + b, 0) || 1;
  for (const [i, count] of one.counts.entries()) {
    const [from = 0, end = 0] = [one.edges[i], one.edges[i + 1]];
    if (!count) continue;
    const first = Math.min(rows - 1, Math.max(0, Math.floor((from - low) / width)));
    const last = Math.min(rows - 1, Math.max(first, Math.ceil((end - low) / width) - 1));
    for (let row = first; row <= last; row++) {
      const top = low + (row + 1) * width;
      const shared = Math.min(end, top) - Math.max(from, low + row * width);
      const share = end > from ? Math.max(0, shared) / (end - from) : 1 / (last - first + 1);
      out[row] = (out[row] ?? 0) + (share * count) / whole;
    }
  }
  return out;
}

/** At most `most` of many, evenly, the last always. */
export function thin<T>(all: readonly T[], most: number): T[] {
  if (all.length <= most) return [...all];
  const step = (all.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, i) => all[Math.round(i * step)] as T);
}
