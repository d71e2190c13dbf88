/**
 * A small Markdown, read into a tree that Svelte draws: no HTML is ever made from text, so tags,
 * scripts and SVG in a note are shown as what they are, text.
 *
 * Headings, paragraphs, lists (nested, numbered, tasks), quotes, fenced code, tables, rules;
 * `code`, **strong**, *emphasis*, ~~struck~~, [links](https://…), bare addresses.
 */

export type Inline =
  | { kind: 'text'; text: string }
  | { kind: 'code'; text: string }
  | { kind: 'break' }
  | { kind: 'strong' | 'em' | 'del'; parts: Inline[] }
  | { kind: 'link'; to: string; parts: Inline[] };

export type Block =
  | { kind: 'heading'; level: number; parts: Inline[] }
  | { kind: 'paragraph'; parts: Inline[] }
  | { kind: 'code'; language: string; text: string }
  | { kind: 'quote'; blocks: Block[] }
  | { kind: 'list'; ordered: boolean; start: number; items: Item[] }
  | { kind: 'table'; align: Align[]; head: Inline[][]; rows: Inline[][][] }
  | { kind: 'rule' };

export interface Item {
  /** A task: done or not. Undefined: no task. */
  done: boolean | undefined;
  blocks: Block[];
}

export type Align = 'left' | 'right' | 'center';

const DEEPEST = 12;
const MARKER = /^(\s*)([-*+]|\d{1,9}[.)])(\s+|$)(.*)$/;
const FENCE = /^ {0,3}(```+|~~~+)\s*([\w+-]*)/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^ {0,3}([-*_])(\s*\1){2,}\s*$/;
const DIVIDER = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

export function parseMarkdown(text: string, depth = 0): Block[] {
  return new Reader(text.replace(/\r\n?/g, '\n').replace(/\t/g, '    ').split('\n'), depth).read();
}

class Reader {
  private at = 0;
  private out: Block[] = [];

  constructor(
    private readonly lines: string[],
    private readonly depth: number,
  ) {}

  read(): Block[] {
    while (this.at < this.lines.length) {
      if (!this.line.trim()) this.at += 1;
      else this.block();
    }
    return this.out;
  }

  private get line(): string {
    return this.lines[this.at] ?? '';
  }

  private block(): void {
    if (FENCE.test(this.line)) return this.fence();
    const heading = HEADING.exec(this.line);
    if (heading) {
      this.at += 1;
      const level = heading[1]?.length ?? 1;
      this.out.push({ kind: 'heading', level, parts: parseInline(heading[2] ?? '') });
    } else if (RULE.test(this.line)) {
      this.at += 1;
      this.out.push({ kind: 'rule' });
    } else if (/^ {0,3}>/.test(this.line) && this.depth < DEEPEST) this.quote();
    else if (MARKER.test(this.line) && this.depth < DEEPEST) this.list();
    else if (this.line.includes('|') && DIVIDER.test(this.lines[this.at + 1] ?? '')) this.table();
    else this.paragraph();
  }

  private fence(): void {
    const [, mark = '```', language = ''] = FENCE.exec(this.line) ?? [];
    const body: string[] = [];
    for (this.at += 1; this.at < this.lines.length; this.at += 1) {
      if (this.line.trim().startsWith(mark) && /^[`~]+$/.test(this.line.trim())) break;
      body.push(this.line);
    }
    this.at += 1;
    this.out.push({ kind: 'code', language, text: body.join('\n') });
  }

  private quote(): void {
    const body: string[] = [];
    for (; /^ {0,3}>/.test(this.line); this.at += 1) body.push(this.line.replace(/^ {0,3}> ?/, ''));
    const blocks = parseMarkdown(body.join('\n'), this.depth + 1);
    this.out.push({ kind: 'quote', blocks });
  }

  private list(): void {
    const first = MARKER.exec(this.line);
    const indent = first?.[1]?.length ?? 0;
    const ordered = /\d/.test(first?.[2] ?? '');
    const items: Item[] = [];
    for (;;) {
      const match = MARKER.exec(this.line);
      if (!match || match[1]?.length !== indent || /\d/.test(match[2] ?? '') !== ordered) break;
      const room = indent + (match[2]?.length ?? 1) + 1;
      items.push(this.item(match[4] ?? '', indent, room));
    }
    const start = ordered ? parseInt(first?.[2] ?? '1', 10) : 1;
    this.out.push({ kind: 'list', ordered, start, items });
  }

  private item(first: string, indent: number, room: number): Item {
    const task = /^\[([ xX])\]\s+(.*)$/.exec(first);
    const body = [task?.[2] ?? first];
    for (this.at += 1; this.at < this.lines.length; this.at += 1) {
      const spaces = this.line.length - this.line.trimStart().length;
      const next = this.lines[this.at + 1] ?? '';
      if (!this.line.trim()) {
        if (!/^\s/.test(next) || next.search(/\S/) <= indent) break;
        body.push('');
      } else if (spaces > indent) body.push(this.line.slice(Math.min(spaces, room)));
      else break;
    }
    if (!this.line.trim() && MARKER.test(this.lines[this.at + 1] ?? '')) this.at += 1;
    const done = task ? task[1] !== ' ' : undefined;
    return { done, blocks: parseMarkdown(body.join('\n'), this.depth + 1) };
  }

  private table(): void {
    const head = cells(this.line);
    const align = cells(this.lines[this.at + 1] ?? '').map((cell): Align => {
      if (!cell.endsWith(':')) return 'left';
      return cell.startsWith(':') ? 'center' : 'right';
    });
    const rows: Inline[][][] = [];
    for (this.at += 2; this.line.includes('|'); this.at += 1) {
      const row = cells(this.line);
      rows.push(head.map((_, i) => parseInline(row[i] ?? '')));
    }
    this.out.push({ kind: 'table', align, head: head.map((cell) => parseInline(cell)), rows });
  }

  private paragraph(): void {
    const body: string[] = [];
    const stops = (line: string) =>
      !line.trim() ||
      FENCE.test(line) ||
      HEADING.test(line) ||
      /^ {0,3}>/.test(line) ||
      RULE.test(line) ||
      (MARKER.test(line) && this.depth < DEEPEST);
    do {
      body.push(this.line);
      this.at += 1;
    } while (this.at < this.lines.length && !stops(this.line));
    const text = body
      .map((line) => line.replace(/^\s+/, ''))
      .join('\n')
      .trimEnd();
    this.out.push({ kind: 'paragraph', parts: parseInline(text) });
  }
}

function cells(line: string): string[] {
  const bare = line
    .trim()
    .replace(/^\|/, '')
    .replace(/(?<!\\)\|$/, '');
  return bare.split(/(?<!\\)\|/).map((cell) => cell.trim().replace(/\\\|/g, '|'));
}

const URL_END = /[.,;:!?'")\]]+$/;
const PATTERNS: [RegExp, (match: RegExpExecArray, depth: number) => Inline | null][] = [
  [/^\\([\\`*_{}[\]()#+\-.!~|<>])/, (m) => ({ kind: 'text', text: m[1] ?? '' })],
  [/^(`+)(.+?)\1(?!`)/s, (m) => ({ kind: 'code', text: (m[2] ?? '').replace(/^ (.+) $/, '$1') })],
  [/^(?: {2,}|\\)\n/, () => ({ kind: 'break' })],
  [/^!?\[((?:[^[\]]|\[[^\]]*\])*)\]\(\s*<?([^\s<>)]*)>?(?:\s+"[^"]*")?\s*\)/, link],
  [/^https?:\/\/[^\s<>]+/, bareLink],
  [/^\*\*(?=\S)(.+?\S|\S)\*\*/s, (m, d) => nest('strong', m[1], d)],
  [/^__(?=\S)(.+?\S|\S)__(?!\w)/s, (m, d) => nest('strong', m[1], d)],
  [/^~~(?=\S)(.+?\S|\S)~~/s, (m, d) => nest('del', m[1], d)],
  [/^\*(?=[^\s*])(.+?[^\s*]|[^\s*])\*(?!\*)/s, (m, d) => nest('em', m[1], d)],
  [/^_(?=[^\s_])(.+?[^\s_]|[^\s_])_(?!\w)/s, (m, d) => nest('em', m[1], d)],
];

function nest(kind: 'strong' | 'em' | 'del', text = '', depth: number): Inline {
  return { kind, parts: parseInline(text, depth + 1) };
}

function link(match: RegExpExecArray, depth: number): Inline | null {
  const to = safeLink(match[2] ?? '');
  if (to === null) return null;
  const label = match[1] || to;
  return { kind: 'link', to, parts: parseInline(label, depth + 1) };
}

function bareLink(match: RegExpExecArray): Inline {
  const to = match[0].replace(URL_END, '');
  match[0] = to;
  return { kind: 'link', to, parts: [{ kind: 'text', text: to }] };
}

/** http, https, mailto and addresses inside the app; null for all else (javascript:, data:). */
export function safeLink(to: string): string | null {
  const bare = to.trim();
  if (/^(https?:\/\/|mailto:)/i.test(bare)) return bare;
  return /^[#/?.\w-]/.test(bare) && !/^[^/?#]*:/.test(bare) && !bare.startsWith('//') ? bare : null;
}

export function parseInline(text: string, depth = 0): Inline[] {
  if (depth > DEEPEST) return [{ kind: 'text', text }];
  const out: Inline[] = [];
  let plain = '';
  let at = 0;
  const flush = () => {
    if (plain) out.push({ kind: 'text', text: plain });
    plain = '';
  };
  while (at < text.length) {
    const found = /[\\`!*_~[\n h]/.test(text[at] ?? '') ? special(text, at, depth) : null;
    if (!found) {
      plain += text[at];
      at += 1;
      continue;
    }
    if (found.part.kind === 'text') plain += found.part.text;
    else {
      flush();
      out.push(found.part);
    }
    at += found.length;
  }
  flush();
  return out;
}

function special(text: string, at: number, depth: number) {
  const rest = text.slice(at, at + 20_000);
  const before = text[at - 1] ?? ' ';
  if (/\w/.test(before) && /[_h]/.test(text[at] ?? '')) return null;
  for (const [pattern, make] of PATTERNS) {
    const match = pattern.exec(rest);
    if (!match) continue;
    const part = make(match, depth);
    if (part) return { part, length: match[0].length };
  }
  return null;
}
