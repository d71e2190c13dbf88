/** A unified diff of one file as two columns. No DOM. */
import { parseDiff, type DiffRow } from '../run/logic/diff';

export interface Cell {
  kind: 'add' | 'del' | 'same';
  n: number;
  text: string;
  changed?: [number, number] | undefined;
}

export type SideRow =
  { hunk: string } | { left: Cell | null; right: Cell | null; hunk?: undefined };

type Line = Extract<DiffRow, { before: number }>;

/** Rows of both columns: what went stands beside what came in its place. */
export function sidesOf(text: string): SideRow[] {
  const rows: SideRow[] = [];
  let dels: Line[] = [];
  let adds: Line[] = [];
  const flush = () => {
    for (let i = 0; i < Math.max(dels.length, adds.length); i++) {
      rows.push({ left: cell(dels[i], 'before'), right: cell(adds[i], 'after') });
    }
    [dels, adds] = [[], []];
  };
  for (const row of parseDiff(`diff --git a/x b/x\n${text}`).rows) {
    if (row.kind === 'del') {
      if (adds.length) flush();
      dels.push(row);
    } else if (row.kind === 'add') adds.push(row);
    else {
      flush();
      if (row.kind === 'same') rows.push({ left: cell(row, 'before'), right: cell(row, 'after') });
      else if (row.kind === 'hunk') rows.push({ hunk: row.text });
    }
  }
  flush();
  return rows;
}

function cell(line: Line | undefined, side: 'before' | 'after'): Cell | null {
  if (!line) return null;
  return { kind: line.kind, n: line[side], text: line.text, changed: line.changed };
}

/** The same in one column, for a narrow page: of each block first what went, then what came. */
export function stacked(rows: readonly SideRow[]): (Cell | { hunk: string })[] {
  const out: (Cell | { hunk: string })[] = [];
  let adds: Cell[] = [];
  const flush = () => {
    out.push(...adds);
    adds = [];
  };
  for (const row of rows) {
    if (row.hunk !== undefined) {
      flush();
      out.push({ hunk: row.hunk });
    } else if (row.left?.kind === 'same') {
      flush();
      out.push(row.left);
    } else {
      if (row.left) out.push(row.left);
      if (row.right) adds.push(row.right);
    }
  }
  flush();
  return out;
}
