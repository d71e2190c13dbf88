/** The table as CSV: the columns that are shown, all rows, with all digits. */
import type { Json } from '../../api/types';
import { csvCell } from '../charts/csv';
import type { RunColumn } from './columns';
import type { TableData } from './tabledata';

export function tableCsv(
  table: TableData,
  columns: readonly Pick<RunColumn, 'field' | 'type'>[],
): string {
  const rows = [['id', ...columns.map((one) => one.field)].map(csvCell).join(',')];
  const values = columns.map((one) => table.columns.get(one.field) ?? []);
  for (const [row, id] of table.ids.entries()) {
    const cells = values.map((column, i) => cell(column[row] ?? null, columns[i]?.type ?? ''));
    rows.push([id, ...cells].map(csvCell).join(','));
  }
  return `${rows.join('\r\n')}\r\n`;
}

function cell(value: Json, type: string): string {
  if (value === null) return '';
  if (type === 'time' && typeof value === 'number') return new Date(value / 1000).toISOString();
  return typeof value === 'string' ? value : JSON.stringify(value);
}
