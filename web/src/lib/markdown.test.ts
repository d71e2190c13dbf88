import { describe, expect, it } from 'vitest';
import { parseInline, parseMarkdown, safeLink } from './markdown';

const flat = (text: string) => JSON.stringify(parseMarkdown(text));

describe('markdown', () => {
  it('reads headings, paragraphs, lists, code, quotes, rules', () => {
    const blocks = parseMarkdown(
      '# A\n\ntext\nmore\n\n- one\n- two\n  - deep\n\n1. first\n\n```py\nx < 1\n```\n\n> said\n\n---',
    );
    expect(blocks.map((block) => block.kind)).toEqual([
      'heading', 'paragraph', 'list', 'list', 'code', 'quote', 'rule',
    ]); // prettier-ignore
    expect(blocks[4]).toEqual({ kind: 'code', language: 'py', text: 'x < 1' });
    const list = blocks[2];
    expect(list?.kind === 'list' && list.items[1]?.blocks.map((b) => b.kind)).toEqual([
      'paragraph',
      'list',
    ]);
  });

  it('reads tables with their alignment, and tasks', () => {
    const [table] = parseMarkdown('| a | b |\n|---|--:|\n| 1 | 2 |');
    expect(table).toMatchObject({ kind: 'table', align: ['left', 'right'] });
    const [list] = parseMarkdown('- [x] done\n- [ ] to do');
    expect(list?.kind === 'list' && list.items.map((item) => item.done)).toEqual([true, false]);
  });

  it('reads what stands in a line', () => {
    expect(parseInline('a **b** _c_ `d*` ~~e~~')).toEqual([
      { kind: 'text', text: 'a ' },
      { kind: 'strong', parts: [{ kind: 'text', text: 'b' }] },
      { kind: 'text', text: ' ' },
      { kind: 'em', parts: [{ kind: 'text', text: 'c' }] },
      { kind: 'text', text: ' ' },
      { kind: 'code', text: 'd*' },
      { kind: 'text', text: ' ' },
      { kind: 'del', parts: [{ kind: 'text', text: 'e' }] },
    ]);
  });

  it('leaves snake_case_names and 2 * 3 * 4 alone', () => {
    for (const text of ['val_loss_best', '2 * 3 * 4', 'a*b']) {
      expect(parseInline(text)).toEqual([{ kind: 'text', text }]);
    }
  });

  it('never makes anything but text of HTML', () => {
    for (const text of [
      '<script>alert(1)</script>',
      '<svg onload=alert(1)>',
      '<img src=x onerror=alert(1)>',
    ]) {
      expect(parseMarkdown(text)).toEqual([{ kind: 'paragraph', parts: [{ kind: 'text', text }] }]);
    }
  });

  it('refuses links that run something or leave by a trick', () => {
    for (const bad of [
      'javascript:alert(1)',
      ' JavaScript:x',
      'data:text/html,x',
      'vbscript:x',
      '//evil.example',
      'java\tscript:x',
    ]) {
      expect(safeLink(bad)).toBeNull();
    }
    for (const good of [
      'https://a.example/b',
      'mailto:a@b.example',
      '/r/abc',
      '#top',
      'docs/x.md',
    ]) {
      expect(safeLink(good)).toBe(good);
    }
    expect(flat('[x](javascript:alert(1))')).not.toContain('"link"');
    expect(flat('![pixel](https://a.example/p.png)')).not.toContain('image');
  });

  it('ends bare addresses before the full stop', () => {
    const parts = parseInline('see https://a.example/x?y=1.');
    expect(parts[1]).toMatchObject({ kind: 'link', to: 'https://a.example/x?y=1' });
  });

  it('is not made slow or deep by odd texts', () => {
    const started = performance.now();
    for (const odd of [
      '*'.repeat(5000),
      '['.repeat(5000),
      '> '.repeat(2000) + 'x',
      '`'.repeat(5000),
      '_a'.repeat(3000),
    ]) {
      parseMarkdown(odd);
    }
    expect(performance.now() - started).toBeLessThan(5000);
  });
});
