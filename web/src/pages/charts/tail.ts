/** A live tick: what is new of the series, put behind what is known. */
import { lowerBound } from '../../lib/chart/range';
import type { Floats, SeriesFrame, SeriesHeader } from '../../lib/series';
import type { Stat } from '../../api/types';

/** The least x from which a later answer may differ: the start of the last bucket, or less. */
export function tailStart(frame: SeriesFrame): number | null {
  const { header, x } = frame;
  if (!x.length) return null;
  const last = x[x.length - 1] as number;
  return typeof header.from === 'number' ? Math.min(header.from, last) : last;
}

/** Is it time to cut anew, because the buckets became too many? */
export const outgrown = (frame: SeriesFrame, buckets: number): boolean =>
  frame.header.n > 2 * buckets + 8;

/**
 * Did one of the runs go on that was not at work when the answer came? What is new of it may lie
 * before the tail, which begins where those at work were.
 */
export const wokeUp = (
  { header }: SeriesFrame,
  changed: ReadonlySet<string>,
  from: number,
): boolean =>
  header.series.some(
    (one) =>
      changed.has(header.runs[one.run] ?? '') &&
      (typeof header.from !== 'number' || one.last_x < from),
  );

/** Those of the runs that had none of a metric yet. */
export function lacks({ header }: SeriesFrame, changed: ReadonlySet<string>): string[] {
  const without = new Set(header.missing.map(([run]) => header.runs[run as number] ?? ''));
  return header.runs.filter((run) => changed.has(run) && without.has(run));
}

/**
 * The two as one; null where they do not fit and all has to be asked anew: another width, or a
 * series that was not there before.
 */
export function mergeTail(base: SeriesFrame, tail: SeriesFrame, from: number): SeriesFrame | null {
  const before = base.header;
  const after = tail.header;
  if (before.stats.join() !== after.stats.join()) return null;
  if (before.width !== after.width && tail.x.length) return null;
  const places = new Map(before.series.map((one, i) => [nameOf(before, one), i]));
  const found = after.series.map((one) => places.get(nameOf(after, one)));
  if (found.some((place) => place === undefined)) return null;

  const start = before.width ? Math.floor(from / before.width) * before.width : from;
  const kept = lowerBound(base.x, start);
  const skip = lowerBound(tail.x, start);
  const x = join(base.x, kept, tail.x, skip) as Float64Array;
  const inTail = new Map(found.map((place, i) => [place as number, i]));
  const columns = new Map<string, Floats>();
  const column = (series: number, stat: Stat): Floats | undefined => {
    const id = `${series} ${stat}`;
    const there = columns.get(id);
    if (there) return there;
    const old = base.column(series, stat);
    if (!old) return undefined;
    const place = inTail.get(series);
    const fresh = place === undefined ? undefined : tail.column(place, stat);
    const made = join(old, kept, fresh ?? blank(old, tail.x.length), skip);
    columns.set(id, made);
    return made;
  };
  return { header: headerOf(base, tail, kept, x.length, inTail), x, column };
}

export function nameOf(
  header: SeriesHeader,
  one: { run: number; key: number; rank: number },
): string {
  return JSON.stringify([header.runs[one.run], header.keys[one.key], one.rank]);
}

function join(old: Floats, kept: number, fresh: Floats, skip: number): Floats {
  const Kind = old.constructor as Float64ArrayConstructor;
  const out = new Kind(kept + fresh.length - skip);
  out.set(old.subarray(0, kept), 0);
  out.set(fresh.subarray(skip), kept);
  return out;
}

function blank(like: Floats, length: number): Floats {
  const Kind = like.constructor as Float64ArrayConstructor;
  return new Kind(length).fill(NaN);
}

function headerOf(
  base: SeriesFrame,
  tail: SeriesFrame,
  kept: number,
  n: number,
  inTail: Map<number, number>,
): SeriesHeader {
  const series = base.header.series.map((one, i) => {
    const fresh = tail.header.series[inTail.get(i) ?? -1];
    if (!fresh) return one;
    const counts = base.column(i, 'count');
    const points = counts ? sum(counts, kept) + fresh.points : Math.max(one.points, fresh.points);
    return {
      ...one,
      points,
      last_x: fresh.last_x,
      nan: Math.max(one.nan, fresh.nan),
      posinf: Math.max(one.posinf, fresh.posinf),
      neginf: Math.max(one.neginf, fresh.neginf),
    };
  });
  const header = { ...base.header, n, series };
  if (tail.header.from === undefined) delete header.from;
  else header.from = tail.header.from;
  return header;
}

function sum(counts: Floats, end: number): number {
  let out = 0;
  for (let i = 0; i < end; i++) if (counts[i]! > 0) out += counts[i]!;
  return out;
}
