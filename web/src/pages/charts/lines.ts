/** From the server's series to the lines of a chart. */
import { groupSlots, look } from '../../lib/colour';
import type { ChartData, Line, Mark, Member } from '../../lib/chart/types';
import type { Floats, SeriesFrame } from '../../lib/series';
import type { Band, RunRef } from './settings';

export interface LineOptions {
  runs: readonly RunRef[];
  dark: boolean;
  smoothed: boolean;
  band: Band;
  /** Times of the series are shifted by nothing; kept for panels with several metrics. */
  keys: readonly string[];
}

/** px of the pinned run's line. */
const BASELINE = 3;

/** One line a run (and metric). */
export function runLines(frame: SeriesFrame, options: LineOptions): ChartData {
  const { header } = frame;
  const byId = new Map(options.runs.map((run) => [run.id, run]));
  const several = options.keys.length > 1;
  const one = options.runs.length === 1;
  const lines: Line[] = [];
  for (const [i, entry] of header.series.entries()) {
    const run = byId.get(header.runs[entry.run] ?? '');
    const key = header.keys[entry.key] ?? '';
    const last = frame.column(i, 'last') ?? frame.column(i, 'mean');
    if (!run || !last) continue;
    const place = options.keys.indexOf(key);
    const slot = several ? (one ? place : run.slot + 8 * place) : run.slot;
    const smooth = options.smoothed ? frame.column(i, 'smooth') : undefined;
    lines.push({
      id: run.id,
      name: several ? (one ? key : `${run.name} · ${key}`) : run.name,
      ...look(slot, options.dark),
      y: smooth ?? last,
      low: frame.column(i, 'min'),
      high: frame.column(i, 'max'),
      style: smooth ? 'ghost' : 'spikes',
      thick: run.baseline ? BASELINE : undefined,
      marks: marksOf(frame, i, last),
    });
  }
  const order = new Map(options.runs.map((run, at) => [run.id, at]));
  // the first run of the list is drawn last: on top
  lines.sort((a, b) => (order.get(b.id) ?? 0) - (order.get(a.id) ?? 0));
  return { x: frame.x, width: header.width, lines };
}

function marksOf(frame: SeriesFrame, series: number, last: Floats): Mark[] {
  const entry = frame.header.series[series];
  if (!entry || !(entry.nan || entry.posinf || entry.neginf)) return [];
  const counts = frame.column(series, 'count');
  const low = frame.column(series, 'min');
  const out: Mark[] = [];
  for (let i = 0; i < last.length; i++) {
    const value = last[i] as number;
    const x = frame.x[i] as number;
    if (value === Infinity) out.push({ x, kind: 'posinf' });
    else if (value === -Infinity) out.push({ x, kind: 'neginf' });
    else if (Number.isNaN(value) && ((counts?.[i] ?? 0) > 0 || Number.isFinite(low?.[i])))
      out.push({ x, kind: 'nan' });
  }
  return out;
}

interface Sums {
  n: Int32Array;
  mean: Float64Array;
  square: Float64Array;
  low: Float64Array;
  high: Float64Array;
}

/** One line a group: the mean of its runs, and how far they spread. */
export function groupLines(frame: SeriesFrame, options: LineOptions): ChartData {
  const { header, x } = frame;
  const byId = new Map(options.runs.map((run) => [run.id, run]));
  const sums = new Map<string, Sums>();
  const members = new Map<string, Member[]>();
  const pinned = new Set<string>();
  for (const [i, entry] of header.series.entries()) {
    const run = byId.get(header.runs[entry.run] ?? '');
    const column =
      (options.smoothed ? frame.column(i, 'smooth') : undefined) ?? frame.column(i, 'mean');
    if (!run || !column) continue;
    const group = run.group ?? '';
    const several = options.keys.length > 1;
    const id = several ? `${group} · ${header.keys[entry.key]}` : group;
    let own = sums.get(id);
    if (!own) sums.set(id, (own = emptySums(x.length)));
    addHeld(own, column);
    const member = { id: run.id, name: run.name, ...look(run.slot, options.dark), y: column };
    const there = members.get(id);
    if (there) there.push(member);
    else members.set(id, [member]);
    if (run.baseline) pinned.add(id);
  }
  const slots = groupSlots([...sums.keys()]);
  const lines = [...sums].map(([id, own]): Line => {
    const all = members.get(id) ?? [];
    const line = groupLine(id, own, slots.get(id) ?? 0, options);
    return pinned.has(id) ? { ...line, thick: BASELINE } : { ...line, members: all };
  });
  return { x, width: header.width, lines };
}

function emptySums(length: number): Sums {
  return {
    n: new Int32Array(length),
    mean: new Float64Array(length),
    square: new Float64Array(length),
    low: new Float64Array(length).fill(Infinity),
    high: new Float64Array(length).fill(-Infinity),
  };
}

/** Adds a run, from its first value to its last; where it has none, the one before holds. */
function addHeld(sums: Sums, column: Floats): void {
  let end = column.length;
  while (end > 0 && !Number.isFinite(column[end - 1])) end -= 1;
  let held = NaN;
  for (let i = 0; i < end; i++) {
    const value = column[i] as number;
    if (Number.isFinite(value)) held = value;
    if (Number.isNaN(held)) continue;
    const n = (sums.n[i] = (sums.n[i] as number) + 1);
    const off = held - (sums.mean[i] as number);
    sums.mean[i] = (sums.mean[i] as number) + off / n;
    sums.square[i] = (sums.square[i] as number) + off * (held - (sums.mean[i] as number));
    if (held < (sums.low[i] as number)) sums.low[i] = held;
    if (held > (sums.high[i] as number)) sums.high[i] = held;
  }
}

function groupLine(id: string, sums: Sums, slot: number, options: LineOptions): Line {
  const length = sums.n.length;
  const y = new Float64Array(length).fill(NaN);
  const low = new Float64Array(length).fill(NaN);
  const high = new Float64Array(length).fill(NaN);
  for (let i = 0; i < length; i++) {
    const n = sums.n[i] as number;
    if (!n) continue;
    const mean = (y[i] = sums.mean[i] as number);
    const spread = deviation(sums, i);
    low[i] = options.band === 'minmax' ? (sums.low[i] as number) : mean - spread;
    high[i] = options.band === 'minmax' ? (sums.high[i] as number) : mean + spread;
  }
  const shown = options.band !== 'none';
  return {
    id,
    name: id || 'no value',
    ...look(slot, options.dark),
    y,
    low: shown ? low : undefined,
    high: shown ? high : undefined,
    style: shown ? 'band' : 'plain',
    note: (i, text) => `± ${text(deviation(sums, i))}, n = ${sums.n[i]}`,
  };
}

function deviation(sums: Sums, i: number): number {
  const n = sums.n[i] as number;
  return n > 1 ? Math.sqrt((sums.square[i] as number) / (n - 1)) : 0;
}
