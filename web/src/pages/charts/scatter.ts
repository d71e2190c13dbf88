/** Points of a scatter, and what can be said of them in a line. */
import type { Json, RunsTable } from '../../api/types';
import { num } from '../../lib/format';
import type { Range } from '../../lib/chart/types';

export interface Dot {
  run: string;
  name: string;
  slot: number;
  x: number;
  y: number;
}

const numeric = (value: Json | undefined): number =>
  typeof value === 'boolean' ? Number(value) : num(value);

/** Runs that have both; how many have not. Columns: name, x, y. */
export function dotsOf(table: RunsTable): { dots: Dot[]; lacking: number } {
  const [names, xs, ys] = [0, 1, 2].map((i) => table.columns[i]?.values ?? []);
  const dots: Dot[] = [];
  for (const [i, run] of table.ids.entries()) {
    const [x, y] = [numeric(xs?.[i]), numeric(ys?.[i])];
    if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
    dots.push({ run, name: String(names?.[i] ?? run), slot: table.slots[i] ?? 0, x, y });
  }
  return { dots, lacking: table.ids.length - dots.length };
}

/** Pearson's correlation; NaN for fewer than three points or a constant. */
export function correlation(dots: readonly Pick<Dot, 'x' | 'y'>[]): number {
  const n = dots.length;
  if (n < 3) return NaN;
  const mx = dots.reduce((all, dot) => all + dot.x, 0) / n;
  const my = dots.reduce((all, dot) => all + dot.y, 0) / n;
  let [xx, yy, xy] = [0, 0, 0];
  for (const { x, y } of dots) {
    xx += (x - mx) ** 2;
    yy += (y - my) ** 2;
    xy += (x - mx) * (y - my);
  }
  return xx && yy ? xy / Math.sqrt(xx * yy) : NaN;
}

export function spanOf(values: readonly number[]): Range | null {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? { low, high } : null;
}

/** Would a log axis show more: all above 0, over more than two powers of ten? */
export const wantsLog = (span: Range | null): boolean =>
  span !== null && span.low > 0 && span.high / span.low > 100;
