/** What is under the pointer. */
import { lowerBound } from './range';
import type { ChartData, Member } from './types';

/** Index of the bucket or point nearest to x. */
export function nearestIndex(x: Float64Array, value: number, width = 0): number {
  if (!x.length) return -1;
  const at = lowerBound(x, value - width / 2);
  if (at <= 0) return 0;
  if (at >= x.length) return x.length - 1;
  return value - width / 2 - (x[at - 1] as number) < (x[at] as number) - (value - width / 2)
    ? at - 1
    : at;
}

export interface Reading {
  /** Index of the line in the chart's lines. */
  line: number;
  /** Where on x it has a value: the index itself, or the nearest before or after. */
  index: number;
  value: number;
}

/**
 * The value of each line at an index; where a line has none there, the nearest within `reach`
 * places. Lines that do not reach so far are left out.
 */
export function readings(data: ChartData, index: number, reach = 24): Reading[] {
  const out: Reading[] = [];
  for (const [line, { y }] of data.lines.entries()) {
    const at = valueNear(y, index, reach);
    if (at >= 0) out.push({ line, index: at, value: y[at] as number });
  }
  return out;
}

function valueNear(y: ArrayLike<number>, index: number, reach: number): number {
  for (let away = 0; away <= reach; away++) {
    if (index - away >= 0 && Number.isFinite(y[index - away])) return index - away;
    if (index + away < y.length && Number.isFinite(y[index + away])) return index + away;
  }
  return -1;
}

/** Of the readings, the one whose place on the screen is nearest to the pointer. */
export function nearestReading(
  all: readonly Reading[],
  place: (value: number) => number,
  pointer: number,
): number {
  let best = -1;
  let least = Infinity;
  for (const [i, reading] of all.entries()) {
    const away = Math.abs(place(reading.value) - pointer);
    if (away < least) [best, least] = [i, away];
  }
  return best;
}

/** Runs of a group at an index, from the highest value down; those without one are left out. */
export function membersAt(
  members: readonly Member[],
  index: number,
  most = 10,
): { list: { member: Member; value: number }[]; more: number } {
  const all = members
    .map((member) => ({ member, at: valueNear(member.y, index, 24) }))
    .filter(({ at }) => at >= 0)
    .map(({ member, at }) => ({ member, value: member.y[at] as number }))
    .sort((a, b) => b.value - a.value);
  return { list: all.slice(0, most), more: Math.max(0, all.length - most) };
}

/** Those to list: around the nearest, at most `most`, from the highest value down. */
export function listed(all: readonly Reading[], nearest: number, most = 12): Reading[] {
  const sorted = all
    .map((reading, i) => ({ reading, i }))
    .sort((a, b) => b.reading.value - a.reading.value);
  const at = Math.max(
    0,
    sorted.findIndex((x) => x.i === nearest),
  );
  const first = Math.max(0, Math.min(at - Math.floor(most / 2), sorted.length - most));
  return sorted.slice(first, first + most).map((x) => x.reading);
}
