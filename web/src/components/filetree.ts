/** Rows of a tree of files whose folders are read when they are opened. No DOM. */

export interface FileEntry {
  path: string;
  name: string;
  kind: 'file' | 'folder' | 'reference';
  /** Bytes; -1 where not known. */
  size: number;
  digest: string;
  /** How many files are in a folder. */
  files: number;
  uri?: string;
}

export interface FolderPage {
  items: FileEntry[];
  total: number;
}

/** What is known of a folder. */
export type Folder =
  | { state: 'loading' }
  | { state: 'error'; error: unknown }
  | { state: 'read'; items: readonly FileEntry[]; total: number };

export type TreeRow =
  | {
      kind: 'entry';
      id: string;
      entry: FileEntry;
      level: number;
      open: boolean;
      position: number;
      setSize: number;
    }
  | { kind: 'loading' | 'error' | 'more'; id: string; folder: string; level: number; rest: number };

export function rowsOf(
  folders: ReadonlyMap<string, Folder>,
  open: ReadonlySet<string>,
  folder = '',
  level = 1,
): TreeRow[] {
  const known = folders.get(folder);
  if (!known || known.state === 'loading') {
    return [{ kind: 'loading', id: `${folder}/?`, folder, level, rest: 0 }];
  }
  if (known.state === 'error') {
    return [{ kind: 'error', id: `${folder}/!`, folder, level, rest: 0 }];
  }
  const out: TreeRow[] = [];
  for (const [i, entry] of known.items.entries()) {
    const isOpen = entry.kind === 'folder' && open.has(entry.path);
    out.push({
      kind: 'entry',
      id: entry.path,
      entry,
      level,
      open: isOpen,
      position: i + 1,
      setSize: known.total,
    });
    if (isOpen) out.push(...rowsOf(folders, open, entry.path, level + 1));
  }
  const rest = known.total - known.items.length;
  if (rest > 0) out.push({ kind: 'more', id: `${folder}/+`, folder, level, rest });
  return out;
}

/** 'a/b/c.txt' -> ['a', 'a/b'] */
export function parentsOf(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('/'));
}

export type Move = 'up' | 'down' | 'first' | 'last' | 'out' | 'in';

/** Where a key leads from a row: another row, or a folder that opens or closes. */
export function move(
  rows: readonly TreeRow[],
  at: number,
  how: Move,
): { to: number } | { toggle: string } | null {
  const last = rows.length - 1;
  if (last < 0) return null;
  if (how === 'first') return { to: 0 };
  if (how === 'last') return { to: last };
  if (how === 'up') return { to: Math.max(0, at - 1) };
  if (how === 'down') return { to: Math.min(last, at + 1) };
  const row = rows[at];
  if (!row) return { to: 0 };
  const folder = row.kind === 'entry' && row.entry.kind === 'folder';
  if (how === 'in') {
    if (!folder) return null;
    return row.open ? { to: Math.min(last, at + 1) } : { toggle: row.entry.path };
  }
  if (folder && row.open) return { toggle: row.entry.path };
  for (let i = at - 1; i >= 0; i--) if ((rows[i]?.level ?? 0) < row.level) return { to: i };
  return null;
}
