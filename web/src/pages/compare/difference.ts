/** Curves as differences from one of them. No DOM. */
import type { ChartData, Line } from '../../lib/chart/types';
import type { Floats } from '../../lib/series';

/**
 * Each line minus the reference's, which becomes the line at zero. Between two of its values the
 * reference is taken to run straight; before its first and after its last there is no difference.
 */
export function differenceFrom(data: ChartData, reference: string): ChartData {
  const base = data.lines.find((line) => line.id === reference);
  if (!base) return { ...data, lines: [] };
  const filled = straight(data.x, base.y);
  return { ...data, lines: data.lines.map((line) => lessBase(line, filled, line === base)) };
}

function lessBase(line: Line, base: Float64Array, isBase: boolean): Line {
  const y = less(line.y, base);
  // the reference has no spread against itself; of the others, spikes stay visible
  const plain = isBase || !line.low || !line.high;
  return {
    ...line,
    y,
    low: plain ? undefined : less(line.low, base),
    high: plain ? undefined : less(line.high, base),
    style: plain ? 'plain' : line.style,
    marks: line.marks ?? [],
  };
}

function less(values: Floats | undefined, base: Float64Array): Float64Array {
  const out = new Float64Array(base.length).fill(NaN);
  if (values)
    for (let i = 0; i < out.length; i++) out[i] = (values[i] as number) - (base[i] as number);
  return out;
}

/** The values with straight lines between them; NaN outside of the first and the last. */
export function straight(x: ArrayLike<number>, y: ArrayLike<number>): Float64Array {
  const out = new Float64Array(y.length).fill(NaN);
  let last = -1;
  for (let i = 0; i < y.length; i++) {
    const value = y[i] as number;
    if (!Number.isFinite(value)) continue;
    out[i] = value;
    if (last >= 0) fill(out, x, last, i);
    last = i;
  }
  return out;
}

function fill(out: Float64Array, x: ArrayLike<number>, from: number, to: number): void {
  const [x0, x1, y0, y1] = [
    x[from] as number,
    x[to] as number,
    out[from] as number,
    out[to] as number,
  ];
  for (let i = from + 1; i < to; i++) {
    const share = x1 > x0 ? ((x[i] as number) - x0) / (x1 - x0) : 0;
    out[i] = y0 + share * (y1 - y0);
  }
}
