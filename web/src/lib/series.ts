/** The binary answer of POST /series: a JSON header and columns of floats, read without copying. */
import type { Stat } from '../api/types';

export interface SeriesEntry {
  /** Index into the header's runs. */
  run: number;
  key: number;
  rank: number;
  /** Points in the range, before they were put into buckets. */
  points: number;
  at: number;
  nan: number;
  posinf: number;
  neginf: number;
  first_x: number;
  last_x: number;
}

export interface SeriesHeader {
  version: number;
  axis: string;
  /** Width of a bucket, a power of two; 0 when these are the points themselves. */
  width: number;
  n: number;
  x: { dtype: string; at: number };
  runs: string[];
  keys: string[];
  stats: Stat[];
  dtype: 'f4' | 'f8';
  series: SeriesEntry[];
  missing: [number | string, number | string][];
  /** Runs whose points cannot be read, as indexes, and why. */
  damaged?: [number, string][];
  from?: number;
}

export type Floats = Float32Array | Float64Array;

export interface SeriesFrame {
  header: SeriesHeader;
  x: Float64Array;
  /** Column of a series for a statistic; undefined when it was not asked for. */
  column(series: number, stat: Stat): Floats | undefined;
}

export class SeriesError extends Error {}

export function decodeSeries(buffer: ArrayBuffer): SeriesFrame {
  if (buffer.byteLength < 4) throw new SeriesError('the answer is too short to hold series');
  const length = new DataView(buffer).getUint32(0, true);
  const start = 4 + length;
  if (start > buffer.byteLength) throw new SeriesError('the answer with series is cut off');
  const text = new TextDecoder().decode(new Uint8Array(buffer, 4, length));
  const header = JSON.parse(text) as SeriesHeader;
  if (header.version !== 1) {
    throw new SeriesError(`series of version ${header.version}; reload the page`);
  }
  const { n, dtype, stats } = header;
  const x = floats(buffer, start + header.x.at, n, 'f8') as Float64Array;
  const size = dtype === 'f8' ? 8 : 4;
  const column = (series: number, stat: Stat) => {
    const place = stats.indexOf(stat);
    const entry = header.series[series];
    if (place < 0 || !entry) return undefined;
    return floats(buffer, start + entry.at + place * n * size, n, dtype);
  };
  return { header, x, column };
}

function floats(buffer: ArrayBuffer, at: number, n: number, dtype: string): Floats {
  const Kind = dtype === 'f8' ? Float64Array : Float32Array;
  if (at + n * Kind.BYTES_PER_ELEMENT > buffer.byteLength) {
    throw new SeriesError('the answer with series is cut off');
  }
  if (at % Kind.BYTES_PER_ELEMENT === 0) return new Kind(buffer, at, n);
  return new Kind(buffer.slice(at, at + n * Kind.BYTES_PER_ELEMENT));
}
