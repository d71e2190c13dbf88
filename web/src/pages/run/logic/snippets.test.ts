import { expect, it } from 'vitest';

import { TABS } from '../schema';
import { snippetOf } from './snippets';

it('has code for every tab', () => {
  for (const tab of TABS) {
    const { python, cli, path } = snippetOf(tab, 'abc', 'val/"acc"');
    expect(python).toContain('notabene.Api()');
    expect(python + cli).toContain('abc');
    expect(path).toMatch(/^\//);
  }
  expect(snippetOf('charts', 'abc', 'a"b').python).toContain('run.history("a\\"b")');
});
