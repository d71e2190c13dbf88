import { describe, expect, it } from 'vitest';

import { move, parentsOf, rowsOf, type FileEntry, type Folder } from './filetree';

function entry(path: string, kind: FileEntry['kind'] = 'file'): FileEntry {
  return { path, name: path.split('/').at(-1) ?? '', kind, size: 1, digest: '', files: 1 };
}

const folders = new Map<string, Folder>([
  ['', { state: 'read', items: [entry('sub', 'folder'), entry('a.txt')], total: 5 }],
  ['sub', { state: 'read', items: [entry('sub/b.txt')], total: 1 }],
]);

describe('a tree of files', () => {
  it('shows what is open, what is on its way and what is left', () => {
    expect(rowsOf(new Map(), new Set()).map((row) => row.kind)).toEqual(['loading']);
    const rows = rowsOf(folders, new Set(['sub']));
    expect(rows.map((row) => [row.id, row.level])).toEqual([
      ['sub', 1],
      ['sub/b.txt', 2],
      ['a.txt', 1],
      ['/+', 1],
    ]);
    expect(rows.at(-1)).toMatchObject({ kind: 'more', rest: 3 });
    const failed = new Map(folders).set('sub', { state: 'error', error: new Error('no') });
    expect(rowsOf(failed, new Set(['sub']))[1]?.kind).toBe('error');
  });

  it('knows the folders above a path', () => {
    expect(parentsOf('a/b/c.txt')).toEqual(['a', 'a/b']);
    expect(parentsOf('c.txt')).toEqual([]);
  });

  it('moves by keys', () => {
    const closed = rowsOf(folders, new Set());
    expect(move(closed, 0, 'in')).toEqual({ toggle: 'sub' });
    const rows = rowsOf(folders, new Set(['sub']));
    expect(move(rows, 0, 'in')).toEqual({ to: 1 });
    expect(move(rows, 1, 'out')).toEqual({ to: 0 });
    expect(move(rows, 0, 'out')).toEqual({ toggle: 'sub' });
    expect(move(rows, 2, 'in')).toBeNull();
    expect(move(rows, 2, 'out')).toBeNull();
    expect(move(rows, 3, 'down')).toEqual({ to: 3 });
    expect(move(rows, 0, 'up')).toEqual({ to: 0 });
    expect(move(rows, 2, 'first')).toEqual({ to: 0 });
    expect(move([], 0, 'down')).toBeNull();
  });
});
