/** The lines of the table: headings of blocks and the rows below them that are to be seen. */
import {
  formatBytes,
  formatDuration,
  formatTime,
  formatValue,
  fullValue,
  num,
} from '../../lib/format';
import type { Block, BlockId, Cell, Row } from './rows';

export type Line =
  { kind: 'head'; block: Block; shown: number; closed: boolean } | { kind: 'row'; row: Row };

export interface Wanted {
  onlyDifferences: boolean;
  search: string;
  closed: readonly string[];
}

export function linesOf(blocks: readonly Block[], wanted: Wanted): Line[] {
  const words = wanted.search.toLowerCase().split(/\s+/).filter(Boolean);
  const out: Line[] = [];
  for (const block of blocks) {
    const rows = block.rows.filter(
      (row) => (!wanted.onlyDifferences || row.differs) && fits(row, words),
    );
    if (words.length && !rows.length) continue;
    const closed = wanted.closed.includes(block.id) && !words.length;
    out.push({ kind: 'head', block, shown: rows.length, closed });
    if (!closed) for (const row of rows) out.push({ kind: 'row', row });
  }
  return out;
}

function fits(row: Row, words: readonly string[]): boolean {
  if (!words.length) return true;
  const text = [row.label, row.note, ...row.cells.map((cell) => cellText(cell, row))]
    .join(' ')
    .toLowerCase();
  return words.every((word) => text.includes(word));
}

/** A cell as it stands in the table. */
export function cellText(cell: Cell, row: Pick<Row, 'form'>): string {
  if (cell === undefined) return '';
  switch (row.form) {
    case 'time':
      return formatTime(num(cell)).slice(0, 16);
    case 'duration':
      return formatDuration(num(cell));
    case 'bytes':
      return formatBytes(num(cell));
    case 'digest':
      return String(cell).slice(0, 10);
    case 'text':
      return cell === '' ? '✓' : formatValue(cell); // a tag without a value
    default:
      return formatValue(cell);
  }
}

/** The same with all its digits. */
export function cellTitle(cell: Cell, row: Pick<Row, 'form'>): string {
  if (cell === undefined) return '';
  return row.form === 'time' ? formatTime(num(cell)) : fullValue(cell);
}

/** Numbers stand at the right of their place, so that digits are below digits. */
export function isNumber(cell: Cell, row: Pick<Row, 'form'>): boolean {
  if (row.form === 'duration' || row.form === 'bytes') return true;
  if (row.form !== 'value') return false;
  return typeof cell === 'number' || cell === 'NaN' || cell === 'Infinity' || cell === '-Infinity';
}

const NOUNS: Record<BlockId, [one: string, many: string]> = {
  outcome: ['value', 'values'],
  params: ['param', 'params'],
  tags: ['tag', 'tags'],
  code: ['entry', 'entries'],
  environment: ['entry', 'entries'],
  hardware: ['entry', 'entries'],
  inputs: ['input', 'inputs'],
  about: ['entry', 'entries'],
  system: ['value', 'values'],
};

/** '2 of 64 params differ' */
export function countText(block: Block): string {
  const [one, many] = NOUNS[block.id];
  const all = block.rows.length;
  if (!block.differing)
    return all === 1 ? `the one ${one} is the same` : `all ${all} ${many} are the same`;
  return `${block.differing} of ${all} ${all === 1 ? one : many} ${block.differing === 1 ? 'differs' : 'differ'}`;
}
