/** What a chart shows, as CSV: one column for x, and the lines beside it. */
import type { ChartData } from '../../lib/chart/types';

export function csvOf(data: ChartData, xName: string): string {
  const head: string[] = [xName];
  for (const line of data.lines) {
    head.push(line.name);
    if (line.low && line.high) head.push(`${line.name} low`, `${line.name} high`);
  }
  const rows = [head.map(csvCell).join(',')];
  for (let i = 0; i < data.x.length; i++) {
    const row = [String(data.x[i])];
    for (const { y, low, high } of data.lines) {
      row.push(numberCell(y[i]));
      if (low && high) row.push(numberCell(low[i]), numberCell(high[i]));
    }
    rows.push(row.join(','));
  }
  return rows.join('\r\n') + '\r\n';
}

const numberCell = (value: number | undefined) =>
  value === undefined || Number.isNaN(value) ? '' : String(value);

/** Quoted where needed; a text that a spreadsheet would run as a formula gets a quote before it. */
export function csvCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) && !Number.isFinite(Number(text)) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}
