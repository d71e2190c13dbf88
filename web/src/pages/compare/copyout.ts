/** The table as text that other programs take. */
import { fullValue } from '../../lib/format';
import type { Line } from './lines';
import { cellText } from './lines';

export interface Head {
  id: string;
  name: string;
}

const labelOf = (line: Extract<Line, { kind: 'row' }>) =>
  line.row.note ? `${line.row.label} (${line.row.note})` : line.row.label;

/** Full digits; a cell that a spreadsheet would run as a formula is marked as text. */
export function toCsv(lines: readonly Line[], runs: readonly Head[]): string {
  const rows = [
    ['block', 'name', ...runs.map((run) => run.name || run.id)],
    ['', 'run id', ...runs.map((run) => run.id)],
  ];
  for (const line of lines) {
    if (line.kind === 'row') {
      rows.push([line.row.block, labelOf(line), ...line.row.cells.map((cell) => fullValue(cell))]);
    }
  }
  return rows.map((row) => row.map(csvCell).join(',')).join('\n') + '\n';
}

function csvCell(text: string): string {
  const safe = /^[=@\t\r]|^[+-](?![\d.])/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

/** Four digits, as in the table; best values bold. */
export function toMarkdown(lines: readonly Line[], runs: readonly Head[]): string {
  const row = (cells: string[]) => `| ${cells.join(' | ')} |`;
  const out = [
    row(['', ...runs.map((run) => mdCell(run.name || run.id))]),
    row(['---', ...runs.map(() => '---')]),
  ];
  for (const line of lines) {
    if (line.kind === 'head') {
      if (line.shown && !line.closed)
        out.push(row([`**${line.block.title}**`, ...runs.map(() => '')]));
      continue;
    }
    const cells = line.row.cells.map((cell, i) => {
      const text = mdCell(cellText(cell, line.row));
      return line.row.best.includes(i) ? `**${text}**` : text;
    });
    out.push(row([mdCell(labelOf(line)), ...cells]));
  }
  return out.join('\n') + '\n';
}

function mdCell(text: string): string {
  return text.replace(/[\\|`*_<>[\]]/g, '\\$&').replace(/\r?\n/g, ' ');
}
