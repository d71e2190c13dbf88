import { describe, expect, it } from 'vitest';

import type { Json } from '../../../api/types';
import { codeItems, commitLink, firstItem, readCells } from './code';

const code: { [key: string]: Json } = {
  kind: 'script',
  script: { path: '/home/me/repo/train.py', file: 'script/train.py', size: 10 },
  sources: [
    { path: '/home/me/repo/lib/a.py', file: 'sources/lib/a.py', size: 5 },
    { path: '/home/me/repo/big.py', size: 9e6, note: 'too large to be kept' },
  ],
  git: { top: '/home/me/repo', patch: { file: 'patch.diff', size: 3, whole: true } },
  files: { 'script/train.py': 'd1', 'patch.diff': 'd2', 'sources/lib/a.py': 'd3' },
};

describe('codeItems', () => {
  it('has the script first, then changes and sources', () => {
    const items = codeItems(code);
    expect(items.map((item) => [item.kind, item.name, item.digest])).toEqual([
      ['script', 'train.py', 'd1'],
      ['patch', 'Changes', 'd2'],
      ['source', 'lib/a.py', 'd3'],
      ['source', 'big.py', ''],
      ['repository', 'Repository', ''],
    ]);
    expect(items[3]?.note).toMatch(/too large/);
    expect(firstItem(items, '')?.kind).toBe('script');
    expect(firstItem(items, 'patch.diff')?.kind).toBe('patch');
  });

  it('is empty where nothing was kept', () => {
    expect(codeItems(undefined)).toEqual([]);
    expect(codeItems({ kind: 'interactive' })).toEqual([]);
  });
});

it('links commits of known hosts only', () => {
  const sha = '0123456789abcdef';
  expect(commitLink('git@github.com:org/repo.git', sha)).toBe(
    `https://github.com/org/repo/commit/${sha}`,
  );
  expect(commitLink('https://gitlab.example.org/a/b/c.git', sha)).toBe(
    `https://gitlab.example.org/a/b/c/-/commit/${sha}`,
  );
  expect(commitLink('ssh://git@host.org:2222/x/y', sha)).toBe(`https://host.org/x/y/commit/${sha}`);
  expect(commitLink('/srv/git/x.git', sha)).toBeNull();
  expect(commitLink('javascript:alert(1)', sha)).toBeNull();
  expect(commitLink('https://github.com/a/b', 'x')).toBeNull();
});

it('reads notebook cells', () => {
  expect(readCells('[{"n":1,"source":"x = 1"}]')).toEqual([{ n: 1, source: 'x = 1' }]);
  expect(readCells('{')).toEqual([]);
});
