import { expect, it } from 'vitest';

import { firstLines, shellWord } from './teach';

it('names the store only where it is not the usual one', () => {
  expect(firstLines('/home/a/.notabene', '~/.notabene').python).not.toContain('store=');
  const lines = firstLines('/data/our store', '/data/our store');
  expect(lines.python).toContain('store="/data/our store"');
  expect(lines.python.split('\n')).toHaveLength(3);
  expect(lines.demo).toBe("notabene demo --store '/data/our store'");
});

it('quotes words for a shell', () => {
  expect(shellWord("it's")).toBe("'it'\\''s'");
  expect(shellWord('/a/b')).toBe('/a/b');
});
