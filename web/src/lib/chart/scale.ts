/** From values to a place between 0 and 1, as uPlot's scales do it, but without asking uPlot. */
import type { Range, YScale } from './types';

export type Place = (value: number) => number;

export function placer(kind: YScale, range: Range, threshold = 1): Place {
  const bend = bender(kind, threshold);
  const low = bend(range.low);
  const span = bend(range.high) - low || 1;
  return (value) => (bend(value) - low) / span;
}

/** The other way round, for pointers. */
export function unplacer(kind: YScale, range: Range, threshold = 1): Place {
  const bend = bender(kind, threshold);
  const low = bend(range.low);
  const span = bend(range.high) - low;
  return (place) => {
    const value = low + place * span;
    if (kind === 'log') return 10 ** value;
    return kind === 'symlog' ? Math.sinh(value) * threshold : value;
  };
}

function bender(kind: YScale, threshold: number): Place {
  if (kind === 'log') return (value) => (value > 0 ? Math.log10(value) : -Infinity);
  return kind === 'symlog' ? (value) => Math.asinh(value / threshold) : (value) => value;
}

/**
 * Where symlog turns from straight to logarithmic: a hundredth of what the middle value is, as a
 * power of ten.
 */
export function symlogThreshold(range: Range): number {
  const size = Math.max(Math.abs(range.low), Math.abs(range.high));
  return size > 0 ? 10 ** (Math.floor(Math.log10(size)) - 2) : 1;
}
