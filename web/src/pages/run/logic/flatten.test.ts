import { describe, expect, it } from 'vitest';

import { facts, factText, packageChanges, packagesOf } from './flatten';

describe('facts', () => {
  it('puts headings before what is below them', () => {
    const rows = facts({
      cpu: { model: 'x', isa: ['avx', 'fma'] },
      gpus: [{ name: 'A' }],
      none: {},
    });
    expect(rows.map((r) => [r.depth, r.name, r.value])).toEqual([
      [0, 'cpu', undefined],
      [1, 'model', 'x'],
      [1, 'isa', ['avx', 'fma']],
      [0, 'gpus', undefined],
      [1, '1.', undefined],
      [2, 'name', 'A'],
      [0, 'none', {}],
    ]);
  });

  it('leaves out what has a view of its own', () => {
    const rows = facts(
      { packages: { a: '1' }, os: { name: 'Linux', machine: 'x' } },
      new Set(['packages', 'os.name']),
    );
    expect(rows.map((r) => r.name)).toEqual(['os', 'machine']);
  });
});

describe('factText', () => {
  it('shows units', () => {
    expect(factText('total', 25276510208)).toBe('25.3 GB');
    expect(factText('isa', ['avx', 'fma'])).toBe('avx fma');
    expect(factText('limit', 2)).toBe('2');
    expect(factText('x', '')).toBe("''");
    expect(factText('x', true)).toBe('yes');
    expect(factText('x', [])).toBe('(none)');
  });
});

describe('packages', () => {
  const mine = packagesOf({
    numpy: '2.4',
    own: { version: '0.1', editable: true, url: 'file:///x' },
  });

  it('says where they came from', () => {
    expect(mine).toEqual([
      { name: 'numpy', version: '2.4', origin: '' },
      { name: 'own', version: '0.1', origin: 'editable file:///x' },
    ]);
    expect(packagesOf(undefined)).toEqual([]);
  });

  it('finds what differs', () => {
    const changes = packageChanges(mine, packagesOf({ numpy: '2.3', gone: '1' }));
    expect([...changes]).toEqual([
      ['numpy', '2.3'],
      ['own', ''],
    ]);
  });
});
