/** Rows of a logged table in the browser: order, search, and a file of them. */
import type { Json } from '../../../api/types';
import { fullValue, num } from '../../../lib/format';

export interface ColumnInfo {
  name: string;
  type: string;
}

/** Cells by column, as the API has them. */
export type Cells = readonly (readonly Json[])[];

const lower = (value: Json | undefined): string => fullValue(value).toLowerCase();

/** Indexes of rows in which all words stand. */
export function matching(cells: Cells, rows: number, search: string): number[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const out: number[] = [];
  for (let row = 0; row < rows; row++) {
    const fits = words.every((word) => cells.some((column) => lower(column[row]).includes(word)));
    if (fits) out.push(row);
  }
  return out;
}

/** Sorted by a column; what is absent or no number stands last, both ways. Equal rows keep order. */
export function sorted(
  indexes: readonly number[],
  column: readonly Json[],
  type: string,
  down: boolean,
): number[] {
  const numbers = type === 'int' || type === 'float' || type === 'bool';
  const keyOf = (row: number): number | string | null => {
    const value = column[row] ?? null;
    if (value === null) return null;
    if (numbers) {
      const found = typeof value === 'boolean' ? Number(value) : num(value);
      return Number.isNaN(found) ? null : found;
    }
    return typeof value === 'number' ? value : fullValue(value);
  };
  const keys = new Map(indexes.map((row) => [row, keyOf(row)]));
  const sign = down ? -1 : 1;
  return [...indexes].sort((a, b) => {
    const [x, y] = [keys.get(a) ?? null, keys.get(b) ?? null];
    if (x === null || y === null) return Number(x === null) - Number(y === null);
    if (typeof x === typeof y) return x < y ? -sign : x > y ? sign : 0;
    return (typeof x === 'number' ? -1 : 1) * sign;
  });
}

/** CSV; cells that a spreadsheet would run as a formula get a quote before them. */
export function csvOf(columns: readonly ColumnInfo[], cells: Cells): string {
  const rows = Math.max(0, ...cells.map((column) => column.length));
  const lines = [columns.map((column) => csvCell(column.name)).join(',')];
  for (let row = 0; row < rows; row++) {
    lines.push(cells.map((column) => csvCell(fullValue(column[row] ?? null))).join(','));
  }
  return `${lines.join('\n')}\n`;
}

function csvCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) && !Number.isFinite(Number(text)) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

/** A width for a column from what is first in it, px. */
export function columnWidth(info: ColumnInfo, first: readonly Json[]): number {
  if (info.type === 'media') return 148;
  const widest = Math.max(info.name.length, ...first.slice(0, 50).map((v) => lower(v).length));
  const most = info.type === 'float' ? 12 : 42;
  return 28 + Math.min(most, Math.max(4, widest)) * 8;
}
