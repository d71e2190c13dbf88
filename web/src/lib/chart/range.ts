/** What the y axis spans: robust against outliers, honest about what lies beyond. */
import type { ChartData, Line, Range, YScale } from './types';

export interface Extent extends Range {
  /** Runs whose line goes above or below. */
  above: string[];
  below: string[];
  /** All values, outliers among them. */
  full: Range;
}

/** Indices of x inside the range. */
export function indexRange(x: Float64Array, view: Range | null): [number, number] {
  if (!view) return [0, x.length];
  return [lowerBound(x, view.low), lowerBound(x, view.high, true)];
}

/** First index with x >= value (or > value). */
export function lowerBound(x: ArrayLike<number>, value: number, above = false): number {
  let low = 0;
  let high = x.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const there = x[middle] as number;
    if (there < value || (above && there === value)) low = middle + 1;
    else high = middle;
  }
  return low;
}

const usable = (value: number, scale: YScale) =>
  Number.isFinite(value) && (scale !== 'log' || value > 0);

/** Least and greatest of a line in a part of x; what lies behind a smoothed line does not count. */
export function lineRange(line: Line, from: number, to: number, scale: YScale): Range | null {
  let low = Infinity;
  let high = -Infinity;
  const raw = line.style !== 'ghost';
  for (const column of [line.y, raw && line.low, raw && line.high]) {
    if (!column) continue;
    for (let i = from; i < to; i++) {
      const value = column[i] as number;
      if (!usable(value, scale)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low <= high ? { low, high } : null;
}

/** 1 % and 99 % of the middles of all lines' buckets; of groups also of their bands. */
function robustRange(
  lines: readonly Line[],
  from: number,
  to: number,
  scale: YScale,
): Range | null {
  const step = Math.max(1, Math.floor(((to - from) * lines.length) / 20_000));
  const middles: number[] = [];
  for (const line of lines) {
    const band = line.style === 'band';
    for (const column of [line.y, band && line.low, band && line.high]) {
      if (!column) continue;
      for (let i = from; i < to; i += step) {
        const value = column[i] as number;
        if (usable(value, scale)) middles.push(value);
      }
    }
  }
  if (!middles.length) return null;
  middles.sort((a, b) => a - b);
  const at = (share: number) => middles[Math.round(share * (middles.length - 1))] as number;
  return middles.length < 20 ? { low: at(0), high: at(1) } : { low: at(0.01), high: at(0.99) };
}

/**
 * The range of y. Outliers are left out only where they would squash the rest: where the whole is
 * more than `ratio` times as high as the robust part.
 */
export function extent(
  data: ChartData,
  view: Range | null,
  scale: YScale,
  robust = true,
  ratio = 2.5,
): Extent {
  const [from, to] = indexRange(data.x, view);
  const ranges = data.lines.map((line) => lineRange(line, from, to, scale));
  const full = union(ranges);
  if (!full) return { low: 0, high: 1, above: [], below: [], full: { low: 0, high: 1 } };
  let chosen = full;
  const inner = robust ? robustRange(data.lines, from, to, scale) : null;
  if (inner) chosen = trimmed(full, inner, scale, ratio);
  const shown = padded(chosen, scale);
  const beyond = (over: (range: Range) => boolean) =>
    data.lines.filter((_, i) => ranges[i] && over(ranges[i])).map((line) => line.id);
  return {
    ...shown,
    above: beyond((range) => range.high > shown.high),
    below: beyond((range) => range.low < shown.low),
    full,
  };
}

function trimmed(full: Range, inner: Range, scale: YScale, ratio: number): Range {
  const bend = scale === 'linear' ? (x: number) => x : scale === 'log' ? Math.log10 : Math.asinh;
  const span = bend(inner.high) - bend(inner.low);
  if (span <= 0 && inner.low === inner.high) return full;
  if (bend(full.high) - bend(full.low) <= span * ratio) return full;
  const roomy = span * 0.25;
  return {
    low: bend(inner.low) - bend(full.low) > roomy ? inner.low : full.low,
    high: bend(full.high) - bend(inner.high) > roomy ? inner.high : full.high,
  };
}

export function union(ranges: readonly (Range | null | undefined)[]): Range | null {
  let low = Infinity;
  let high = -Infinity;
  for (const range of ranges) {
    if (!range) continue;
    if (range.low < low) low = range.low;
    if (range.high > high) high = range.high;
  }
  return low <= high ? { low, high } : null;
}

/** A little air above and below. */
export function padded(range: Range, scale: YScale): Range {
  if (scale === 'log') {
    const air = (range.high / range.low) ** 0.04;
    return range.low === range.high
      ? { low: range.low / 2, high: range.high * 2 }
      : { low: range.low / air, high: range.high * air };
  }
  if (range.low === range.high) {
    const air = Math.abs(range.low) * 0.1 || 1;
    return { low: range.low - air, high: range.high + air };
  }
  const air = (range.high - range.low) * 0.04;
  // a curve that stays above nothing is not drawn as if it went below
  const low = range.low >= 0 && range.low - air < 0 ? Math.min(0, range.low) : range.low - air;
  return { low, high: range.high + air };
}
