/** What a chart owes its reader: how many points became how many buckets, and what is not shown. */
import { formatNumber, plural, short } from '../../lib/format';
import type { SeriesFrame } from '../../lib/series';
import { smoothingText, type ChartSettings } from './settings';

export interface Footing {
  frame: SeriesFrame;
  settings: Pick<ChartSettings, 'smooth' | 'by' | 'x'>;
  /** Runs asked for. */
  runs: number;
  /** All runs that the search finds. */
  total: number;
  grouped: boolean;
}

export function footerText({ frame, settings, runs, total, grouped }: Footing): string {
  const { header } = frame;
  const points = header.series.reduce((all, one) => all + one.points, 0);
  const parts: string[] = [];
  // first, since a footer that is too long is cut
  const [damaged] = header.damaged ?? [];
  if (damaged) {
    const [run, why] = damaged;
    const more = (header.damaged?.length ?? 1) - 1;
    const who = `${header.runs[run] ?? ''}${more ? ` and ${formatNumber(more)} more` : ''}`;
    parts.push(`${who} cannot be shown: ${why}`);
  }
  if (header.width) {
    const kept = grouped ? 'mean of each' : 'min/max kept';
    parts.push(`${short(points)} points → ${plural(header.n, 'bucket')}, ${kept}`);
  } else if (points) parts.push(`${plural(points, 'point')}, all drawn`);
  const smoothing = smoothingText(settings);
  if (smoothing) parts.push(smoothing);
  const odd = oddText(frame);
  if (odd) parts.push(odd);
  const lacking = lackingRuns(frame);
  if (lacking) parts.push(`${plural(lacking, 'run')} ${lacking === 1 ? 'lacks' : 'lack'} it`);
  if (total > runs) parts.push(`${runs} of ${formatNumber(total)} runs`);
  return parts.join(' · ');
}

function oddText(frame: SeriesFrame): string {
  let [nan, infinite] = [0, 0];
  for (const one of frame.header.series) {
    nan += one.nan;
    infinite += one.posinf + one.neginf;
  }
  return [nan && `${short(nan)} NaN`, infinite && `${short(infinite)} ±Inf`]
    .filter(Boolean)
    .join(', ');
}

/** Runs that have none of the metrics. */
export function lackingRuns(frame: SeriesFrame): number {
  const { header } = frame;
  const there = new Set(header.series.map((one) => one.run));
  return header.runs.length - there.size - (header.damaged?.length ?? 0);
}
