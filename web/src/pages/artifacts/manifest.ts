/** What differs between the files of two versions. No DOM. */
import type { FileEntry } from '../../components/filetree';

export type ChangeKind = 'added' | 'removed' | 'changed';

export interface FileChange {
  path: string;
  kind: ChangeKind;
  /** Bytes before and after; undefined where it was not there. */
  before: number | undefined;
  after: number | undefined;
}

export interface ManifestDiff {
  changes: FileChange[];
  added: number;
  removed: number;
  changed: number;
  same: number;
  /** Bytes of all files, before and after. */
  sizes: [before: number, after: number];
}

export function diffManifests(
  before: readonly FileEntry[],
  after: readonly FileEntry[],
): ManifestDiff {
  const old = new Map(before.map((entry) => [entry.path, entry]));
  const out: FileChange[] = [];
  let same = 0;
  for (const entry of after) {
    const was = old.get(entry.path);
    old.delete(entry.path);
    if (!was) out.push(change('added', undefined, entry));
    else if (equal(was, entry)) same += 1;
    else out.push(change('changed', was, entry));
  }
  for (const was of old.values()) out.push(change('removed', was, undefined));
  out.sort((a, b) => (a.path < b.path ? -1 : 1));
  const count = (kind: ChangeKind) => out.filter((one) => one.kind === kind).length;
  return {
    changes: out,
    added: count('added'),
    removed: count('removed'),
    changed: count('changed'),
    same,
    sizes: [total(before), total(after)],
  };
}

function change(
  kind: ChangeKind,
  was: FileEntry | undefined,
  is: FileEntry | undefined,
): FileChange {
  return { path: (is ?? was)?.path ?? '', kind, before: was?.size, after: is?.size };
}

/** A reference without a digest is the same while its address and size are. */
function equal(a: FileEntry, b: FileEntry): boolean {
  if (a.digest || b.digest) return a.digest === b.digest;
  return a.size === b.size && (a.uri ?? '') === (b.uri ?? '');
}

const total = (entries: readonly FileEntry[]) =>
  entries.reduce((sum, entry) => sum + Math.max(0, entry.size), 0);

export type FolderReader = (
  folder: string,
  offset: number,
) => Promise<{ items: FileEntry[]; total: number }>;

/**
 * All files below a folder. A server that answers with all of them at once is taken at its word;
 * folders in the answer are walked into.
 */
export async function allFiles(read: FolderReader, folder = ''): Promise<FileEntry[]> {
  const out: FileEntry[] = [];
  const folders: string[] = [];
  let seen = 0;
  for (;;) {
    const page = await read(folder, seen);
    for (const entry of page.items) {
      if (entry.kind === 'folder') folders.push(entry.path);
      else out.push(entry);
    }
    seen += page.items.length;
    if (!page.items.length || seen >= page.total) break;
  }
  const below = await Promise.all(folders.map((one) => allFiles(read, one)));
  return [...out, ...below.flat()];
}
