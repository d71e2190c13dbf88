/** Unified diffs, as git writes them, read into files and rows for a virtual list. */

export type FileState = 'changed' | 'added' | 'deleted' | 'renamed' | 'binary' | 'mode';

export interface DiffFile {
  path: string;
  /** Where it was before, if elsewhere. */
  from: string;
  state: FileState;
  added: number;
  removed: number;
  /** Index of its first row. */
  at: number;
}

export type DiffRow =
  | { kind: 'file'; file: number; text: string }
  | { kind: 'hunk' | 'note'; file: number; text: string }
  | {
      kind: 'add' | 'del' | 'same';
      file: number;
      text: string;
      before: number;
      after: number;
      /** Part of the text that differs from the line it stands for: [from, end]. */
      changed?: [number, number];
    };

export interface Diff {
  files: DiffFile[];
  rows: DiffRow[];
}

const HUNK = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)$/;

class Reader {
  readonly files: DiffFile[] = [];
  readonly rows: DiffRow[] = [];
  private before = 0;
  private after = 0;
  /** Lines that the hunk at hand still has on each side. */
  private left = { before: 0, after: 0 };

  line(text: string): void {
    if (this.left.before > 0 || this.left.after > 0) {
      if (this.inHunk(text)) return;
    }
    if (text.startsWith('diff --git ')) this.begin(pathOf(text));
    else if (text.startsWith('@@ ')) this.hunk(text);
    else if (this.file) this.header(text);
  }

  private get file(): DiffFile | undefined {
    return this.files.at(-1);
  }

  private get at(): number {
    return this.files.length - 1;
  }

  private begin(path: string): void {
    this.files.push({
      path,
      from: '',
      state: 'changed',
      added: 0,
      removed: 0,
      at: this.rows.length,
    });
    this.rows.push({ kind: 'file', file: this.at, text: path });
  }

  private hunk(text: string): void {
    const match = HUNK.exec(text);
    if (!match) return;
    if (!this.file) this.begin('(file)');
    [this.before, this.after] = [Number(match[1]), Number(match[3])];
    this.left = { before: Number(match[2] ?? 1), after: Number(match[4] ?? 1) };
    this.rows.push({ kind: 'hunk', file: this.at, text });
  }

  private inHunk(text: string): boolean {
    const mark = text[0] ?? ' ';
    const row = { file: this.at, text: text.slice(1), before: this.before, after: this.after };
    const file = this.file as DiffFile;
    if (mark === '+') {
      this.rows.push({ kind: 'add', ...row });
      file.added += 1;
      this.after += 1;
      this.left.after -= 1;
    } else if (mark === '-') {
      this.rows.push({ kind: 'del', ...row });
      file.removed += 1;
      this.before += 1;
      this.left.before -= 1;
    } else if (mark === ' ') {
      this.rows.push({ kind: 'same', ...row });
      this.before += 1;
      this.after += 1;
      this.left.before -= 1;
      this.left.after -= 1;
    } else if (mark === '\\') this.rows.push({ kind: 'note', file: this.at, text: text.slice(2) });
    else {
      this.left = { before: 0, after: 0 };
      return false;
    }
    return true;
  }

  private header(text: string): void {
    const file = this.file as DiffFile;
    const note = (what: string) => void this.rows.push({ kind: 'note', file: this.at, text: what });
    if (text.startsWith('new file mode')) file.state = 'added';
    else if (text.startsWith('deleted file mode')) file.state = 'deleted';
    else if (text.startsWith('rename from ')) [file.from, file.state] = [text.slice(12), 'renamed'];
    else if (text.startsWith('+++ ') || text.startsWith('--- ')) this.name(text);
    else if (text.startsWith('\\ ')) note(text.slice(2));
    else if (/^new mode /.test(text)) {
      if (file.state === 'changed') file.state = 'mode';
      note(`the mode became ${text.slice(9)}`);
    } else if (text.startsWith('GIT binary patch') || text.startsWith('Binary files')) {
      if (file.state === 'changed' || file.state === 'mode') file.state = 'binary';
      note('a binary file: its bytes are not shown');
    }
  }

  private name(text: string): void {
    const file = this.file as DiffFile;
    const path = unquote(text.slice(4).replace(/\t.*$/, ''));
    if (path === '/dev/null') return;
    file.path = path.replace(/^[ab]\//, '');
    const row = this.rows[file.at];
    if (row) row.text = file.path;
  }
}

export function parseDiff(text: string): Diff {
  const reader = new Reader();
  for (const line of text.replace(/\n$/, '').split('\n')) reader.line(line.replace(/\r$/, ''));
  const { files, rows } = reader;
  for (const file of files) {
    if (file.state === 'mode' && file.added + file.removed) file.state = 'changed';
  }
  markChanges(rows);
  return { files, rows };
}

/** `diff --git a/x y b/x y` -> `x y`. */
function pathOf(line: string): string {
  const rest = line.slice('diff --git '.length);
  const quoted = /"b\/((?:[^"\\]|\\.)*)"$/.exec(rest);
  if (quoted) return unquote(`"${quoted[1]}"`);
  const half = (rest.length - 1) / 2;
  if (Number.isInteger(half) && rest.slice(2, half) === rest.slice(half + 3)) {
    return rest.slice(2, half);
  }
  return rest.replace(/^.* b\//, '');
}

/** git writes names with odd letters in quotes, bytes as octal numbers. */
function unquote(text: string): string {
  if (!text.startsWith('"')) return text;
  const bytes: number[] = [];
  const encoder = new TextEncoder();
  const inner = text.slice(1, text.endsWith('"') ? -1 : undefined);
  for (const part of inner.match(/\\[0-7]{3}|\\.|[^\\]+/g) ?? []) {
    if (/^\\[0-7]{3}$/.test(part)) bytes.push(parseInt(part.slice(1), 8));
    else if (part.startsWith('\\')) {
      const named: Record<string, string> = { n: '\n', t: '\t', r: '\r' };
      bytes.push(...encoder.encode(named[part[1] ?? ''] ?? part[1]));
    } else bytes.push(...encoder.encode(part));
  }
  return new TextDecoder().decode(new Uint8Array(bytes));
}

/** Where as many lines went as came, each pair shows what in it differs. */
function markChanges(rows: DiffRow[]): void {
  for (let i = 0; i < rows.length;) {
    let dels = i;
    while (rows[dels]?.kind === 'del') dels += 1;
    let adds = dels;
    while (rows[adds]?.kind === 'add') adds += 1;
    const pairs = dels - i;
    if (pairs > 0 && adds - dels === pairs && pairs <= 50) {
      for (let k = 0; k < pairs; k++) markPair(rows[i + k], rows[dels + k]);
    }
    i = Math.max(adds, i + 1);
  }
}

function markPair(del: DiffRow | undefined, add: DiffRow | undefined): void {
  if (del?.kind !== 'del' || add?.kind !== 'add') return;
  const span = differing(del.text, add.text);
  if (span) [del.changed, add.changed] = span;
}

/** The middle of two lines that begin and end alike; null where they have little in common. */
export function differing(a: string, b: string): [[number, number], [number, number]] | null {
  const most = Math.min(a.length, b.length);
  let start = 0;
  while (start < most && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < most - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  if ((start + end) * 2 < most || start + end === 0) return null;
  return [
    [start, a.length - end],
    [start, b.length - end],
  ];
}
