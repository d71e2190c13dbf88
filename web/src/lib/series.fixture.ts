/** Makes answers as the server does, for tests. */
import type { Stat } from '../api/types';
import { decodeSeries, type SeriesFrame, type SeriesHeader } from './series';

interface Given {
  x: number[];
  width: number;
  runs: string[];
  keys: string[];
  stats: Stat[];
  dtype?: 'f4' | 'f8';
  version?: number;
  from?: number;
  missing?: [number, number][];
  series: {
    run: number;
    key?: number;
    columns: number[][];
    points?: number;
    nan?: number;
    posinf?: number;
    last?: number;
  }[];
}

export function encodeSeries(given: Given): ArrayBuffer {
  const { x, dtype = 'f4', series } = given;
  const size = dtype === 'f8' ? 8 : 4;
  let at = x.length * 8;
  const entries = series.map((one) => {
    const entry = {
      run: one.run, key: one.key ?? 0, rank: 0, points: one.points ?? x.length, at,
      nan: one.nan ?? 0, posinf: one.posinf ?? 0, neginf: 0,
      first_x: x[0] ?? 0, last_x: one.last ?? x.at(-1) ?? 0,
    }; // prettier-ignore
    at += one.columns.length * x.length * size;
    return entry;
  });
  const header: SeriesHeader = {
    version: given.version ?? 1,
    axis: 'step',
    width: given.width,
    n: x.length,
    x: { dtype: 'f8', at: 0 },
    runs: given.runs,
    keys: given.keys,
    stats: given.stats,
    dtype,
    series: entries,
    missing: given.missing ?? [],
    ...(given.from === undefined ? {} : { from: given.from }),
  };
  let text = JSON.stringify(header);
  text += ' '.repeat((8 - ((text.length + 4) % 8)) % 8);
  const buffer = new ArrayBuffer(4 + text.length + at);
  new DataView(buffer).setUint32(0, text.length, true);
  new Uint8Array(buffer, 4, text.length).set(new TextEncoder().encode(text));
  new Float64Array(buffer, 4 + text.length, x.length).set(x);
  let place = 4 + text.length + x.length * 8;
  for (const column of series.flatMap((one) => one.columns)) {
    const Kind = dtype === 'f8' ? Float64Array : Float32Array;
    new Kind(buffer, place, x.length).set(column);
    place += x.length * size;
  }
  return buffer;
}

export const frameOf = (given: Given): SeriesFrame => decodeSeries(encodeSeries(given));
