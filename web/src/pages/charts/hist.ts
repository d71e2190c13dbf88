/** How the values of a field are spread over the runs found. */
import type { Json, RunsTable } from '../../api/types';
import { num } from '../../lib/format';
import type { Range } from '../../lib/chart/types';
import { spanOf, wantsLog } from './scatter';

export interface Bin extends Range {
  n: number;
}

export interface Spread {
  bins: Bin[];
  log: boolean;
  /** Runs without a finite value. */
  lacking: number;
  n: number;
}

const numeric = (value: Json | undefined): number =>
  typeof value === 'boolean' ? Number(value) : num(value);

/** About as many bins as the root of the number of values; on a log axis where these are far apart. */
export function spreadOf(table: Pick<RunsTable, 'columns' | 'ids'>): Spread {
  const all = (table.columns[0]?.values ?? []).map(numeric);
  const values = all.filter(Number.isFinite);
  const lacking = table.ids.length - values.length;
  const span = spanOf(values);
  if (!span) return { bins: [], log: false, lacking, n: 0 };
  const log = wantsLog(span);
  const bend = (value: number) => (log ? Math.log10(value) : value);
  const back = (value: number) => (log ? 10 ** value : value);
  const count = Math.max(1, Math.min(40, Math.ceil(Math.sqrt(values.length) * 1.5)));
  const low = bend(span.low);
  const wide = (bend(span.high) - low || 1) / count;
  const bins = Array.from({ length: count }, (_, i) => ({
    low: back(low + i * wide),
    high: back(low + (i + 1) * wide),
    n: 0,
  }));
  for (const value of values) {
    const at = Math.min(count - 1, Math.floor((bend(value) - low) / wide));
    (bins[at] as Bin).n += 1;
  }
  return { bins, log, lacking, n: values.length };
}
