import type { Floats } from '../series';

export type YScale = 'linear' | 'log' | 'symlog';

/** One line of a chart. All lines of a chart share one x. NaN: no value there. */
export interface Line {
  id: string;
  name: string;
  colour: string;
  dash: readonly number[];
  /** What the line goes through: the last value of each bucket, the smoothed one, a mean. */
  y: Floats;
  /** Least and greatest value of each bucket, or the band of a group. */
  low?: Floats | undefined;
  high?: Floats | undefined;
  /**
   * `spikes`: the line itself runs through low and high (a raw curve looks like one);
   * `band`: they are an area behind the line; `ghost`: a thin raw line behind a smoothed one.
   */
  style: 'spikes' | 'band' | 'ghost' | 'plain';
  /** Shown beside the value at the cursor: '± 0.01, n = 12'. */
  note?: (index: number, text: (value: number) => string) => string;
  /** Thicker than others: the baseline. */
  thick?: number | undefined;
  /** Of a group: its runs, shown when it is pointed at. */
  members?: readonly Member[] | undefined;
  /** Where it was NaN or infinite. */
  marks?: readonly Mark[];
}

export type Member = Pick<Line, 'id' | 'name' | 'colour' | 'dash' | 'y'>;

export interface Mark {
  x: number;
  kind: 'nan' | 'posinf' | 'neginf';
}

export interface ChartData {
  x: Float64Array;
  /** Width of the buckets; 0: points. */
  width: number;
  lines: readonly Line[];
}

export interface Range {
  low: number;
  high: number;
}

export const EMPTY: ChartData = { x: new Float64Array(0), width: 0, lines: [] };
