import { describe, expect, it } from 'vitest';

import type { ArtifactVersion } from '../../api/types';
import type { FileEntry } from '../../components/filetree';
import { foldRuns, isFold } from './folding';
import { allFiles, diffManifests } from './manifest';
import { aliasProblem, findVersion, flat, holderOf } from './versions';

function file(path: string, digest: string, size = 1, more: Partial<FileEntry> = {}): FileEntry {
  return { path, name: path, kind: 'file', size, digest, files: 1, ...more };
}

describe('diffManifests', () => {
  it('finds what was added, removed and changed, by path and content', () => {
    const before = [file('a', '1', 5), file('b', '2', 3), file('c', '3')];
    const after = [file('b', '2x', 4), file('c', '3'), file('d/e', '4', 9)];
    const diff = diffManifests(before, after);
    expect(diff.changes).toEqual([
      { path: 'a', kind: 'removed', before: 5, after: undefined },
      { path: 'b', kind: 'changed', before: 3, after: 4 },
      { path: 'd/e', kind: 'added', before: undefined, after: 9 },
    ]);
    expect([diff.added, diff.removed, diff.changed, diff.same]).toEqual([1, 1, 1, 1]);
    expect(diff.sizes).toEqual([9, 14]);
  });

  it('compares references by address where there is no digest', () => {
    const one = file('x', '', -1, { kind: 'reference', uri: 's3://a' });
    expect(diffManifests([one], [{ ...one }]).same).toBe(1);
    expect(diffManifests([one], [{ ...one, uri: 's3://b' }]).changed).toBe(1);
    expect(diffManifests([], []).changes).toEqual([]);
  });
});

it('walks into folders, page by page', async () => {
  const folder = (path: string) => file(path, '', 0, { kind: 'folder' });
  const tree: Record<string, FileEntry[]> = {
    '': [folder('s'), file('a', '1'), file('b', '2')],
    s: [file('s/c', '3')],
  };
  const found = await allFiles(async (under, offset) => ({
    items: (tree[under] ?? []).slice(offset, offset + 2),
    total: tree[under]?.length ?? 0,
  }));
  expect(found.map((one) => one.path)).toEqual(['a', 'b', 's/c']);
});

describe('versions', () => {
  const version = (number: number, ...aliases: string[]) =>
    ({ name: 'm', version: number, aliases }) as ArtifactVersion;
  const all = [version(3), version(2, 'latest', 'prod'), version(1, 'old')];

  it('finds the one that is meant', () => {
    expect(findVersion(all, 'v3')?.version).toBe(3);
    expect(findVersion(all, '1')?.version).toBe(1);
    expect(findVersion(all, 'prod')?.version).toBe(2);
    expect(findVersion(all, '')?.version).toBe(2);
    expect(findVersion(all, 'nope')).toBeUndefined();
    expect(findVersion([version(4)], '')?.version).toBe(4);
    expect(holderOf(all, 'prod', 3)?.version).toBe(2);
    expect(holderOf(all, 'prod', 2)).toBeUndefined();
  });

  it('says why a word is no alias', () => {
    expect(aliasProblem('prod')).toBe('');
    for (const word of ['', ' a', 'a b', 'a:b', 'v3', 'latest'])
      expect(aliasProblem(word)).toBeTruthy();
  });

  it('makes rows of metadata', () => {
    expect(flat({ a: { b: 1, c: [1] }, d: {} })).toEqual([
      { key: 'a.b', value: 1 },
      { key: 'a.c', value: [1] },
      { key: 'd', value: {} },
    ]);
  });
});

describe('foldRuns', () => {
  const run = (id: string) => ({ kind: 'run' as const, id, name: id, type: 'finished' });
  const edge = (id: string, direction: 'input' | 'output', version = 1) => ({
    run: id,
    direction,
    name: direction === 'input' ? 'd' : 'm',
    version,
    role: '',
  });
  const ids = ['a', 'b', 'c', 'd', 'e'];

  it('draws runs alike together, but not those that made something', () => {
    const edges = [...ids.map((id) => edge(id, 'input')), edge('e', 'output')];
    const found = foldRuns(ids.map(run), edges, new Set());
    expect(found.nodes.map((node) => node.name)).toEqual(['e', '4 runs']);
    const id = found.nodes[1]?.id ?? '';
    expect(isFold(id)).toBe(true);
    expect(found.edges.filter((one) => one.run === id)).toHaveLength(4);
    expect(foldRuns(ids.map(run), edges, new Set([id])).nodes).toHaveLength(5);
    expect(foldRuns(ids.map(run), edges, new Set(), 'a').nodes).toHaveLength(5);
  });

  it('leaves few runs, and runs that read other things, apart', () => {
    const edges = ids.map((id, i) => edge(id, 'input', i < 3 ? 1 : 2));
    expect(foldRuns(ids.map(run), edges, new Set()).nodes).toHaveLength(5);
  });
});
