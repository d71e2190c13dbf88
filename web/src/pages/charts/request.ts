/** What a panel asks the server for. */
import * as calls from '../../api/calls';
import type { SeriesRequest, Stat } from '../../api/types';
import type { Range } from '../../lib/chart/types';
import { smoothingOf, type ChartSettings } from './settings';

export interface Wanted {
  runs: readonly string[];
  keys: readonly string[];
  x: string;
  settings: Pick<ChartSettings, 'smooth' | 'by'>;
  buckets: number;
  grouped: boolean;
  zoom: Range | null;
}

/** About as many buckets as pixels for up to 20 lines, half as many for more. */
export function bucketsFor(width: number, lines: number): number {
  const wide = Math.max(100, Math.min(2000, Math.round(width / 50) * 50));
  return lines > 20 ? Math.round(wide / 2) : wide;
}

export function requestFor(wanted: Wanted): SeriesRequest {
  const { runs, keys, x, buckets, grouped, zoom } = wanted;
  const stats: Stat[] = grouped ? ['mean'] : ['min', 'max', 'last'];
  if (runs.length <= 20) stats.push('count');
  return {
    runs: [...runs],
    keys: [...keys],
    x,
    low: zoom?.low ?? null,
    high: zoom?.high ?? null,
    buckets,
    stats,
    smoothing: smoothingOf(wanted.settings),
  };
}

/** Which of some metrics any of the runs has, over an x. */
export async function keysOf(
  runs: readonly string[],
  keys: readonly string[],
  x: string,
): Promise<Set<string>> {
  const asked = { runs: [...runs], keys: [...keys], x, buckets: 1, stats: ['last' as const] };
  const { header } = await calls.series(asked);
  return new Set(header.series.map((one) => header.keys[one.key] ?? ''));
}
