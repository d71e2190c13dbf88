/**
 * Lines of a long text, kept page by page: what is in view is asked for, what was seen last is
 * kept, the rest is forgotten. Knows nothing of how pages are fetched.
 */
export class LinePages<L> {
  /** How many lines there are. */
  total = 0;
  private pages = new Map<number, L[]>();
  private pending = new Set<number>();

  constructor(
    readonly size = 500,
    private readonly most = 60,
  ) {}

  get(line: number): L | undefined {
    return this.pages.get(Math.floor(line / this.size))?.[line % this.size];
  }

  /** Pages that the lines need and that are neither here nor on their way. */
  wanted(first: number, end: number): number[] {
    const out: number[] = [];
    const last = Math.floor(Math.max(first, Math.min(end, this.total) - 1) / this.size);
    for (let page = Math.floor(first / this.size); page <= last; page++) {
      const here = this.pages.get(page);
      const full = here && here.length >= Math.min(this.size, this.total - page * this.size);
      if (full) this.touch(page, here);
      else if (!this.pending.has(page)) out.push(page);
    }
    return out;
  }

  begin(page: number): void {
    this.pending.add(page);
  }

  put(page: number, lines: L[], total: number): void {
    this.pending.delete(page);
    this.total = total;
    this.touch(page, lines);
    while (this.pages.size > this.most) {
      const oldest = this.pages.keys().next().value;
      if (oldest === undefined) break;
      this.pages.delete(oldest);
    }
  }

  fail(page: number): void {
    this.pending.delete(page);
  }

  /** Puts lines from any place on: fresh ends of a console that grows. */
  patch(from: number, lines: readonly L[], total: number): void {
    this.total = total;
    for (const [i, line] of lines.entries()) {
      const page = Math.floor((from + i) / this.size);
      const place = (from + i) % this.size;
      let here = this.pages.get(page);
      if (!here && place === 0) this.pages.set(page, (here = []));
      // never a hole: a page that is not known up to here is asked for as a whole
      if (here && place <= here.length) here[place] = line;
    }
  }

  private touch(page: number, lines: L[]): void {
    this.pages.delete(page);
    this.pages.set(page, lines);
  }
}

/** Geometry of a scroller whose lines are equally high, or counted as if they were. */
export interface Frame {
  total: number;
  lineHeight: number;
  /** Height of what is seen. */
  view: number;
}

/** Browsers do not draw elements higher than this; a longer text is scrolled in larger steps. */
export const HIGHEST = 8_000_000;

export const spacer = ({ total, lineHeight }: Frame): number =>
  Math.min(total * lineHeight, HIGHEST);

export const squeezed = ({ total, lineHeight }: Frame): boolean => total * lineHeight > HIGHEST;

/** The line at the upper edge, with the part of it that is above, for a scroll position. */
export function lineAt(top: number, frame: Frame): number {
  if (!squeezed(frame)) return Math.max(0, top / frame.lineHeight);
  const room = HIGHEST - frame.view;
  return (Math.min(Math.max(top, 0), room) / room) * lastTop(frame);
}

export function topOf(line: number, frame: Frame): number {
  const kept = Math.min(Math.max(0, line), lastTop(frame));
  if (!squeezed(frame)) return kept * frame.lineHeight;
  return (kept / lastTop(frame)) * (HIGHEST - frame.view);
}

/** The uppermost line when one is at the very end. */
export const lastTop = ({ total, lineHeight, view }: Frame): number =>
  Math.max(0, total - view / lineHeight);

/**
 * The first match at or after a line, by asking for single matches: about log2(matches) questions.
 * `lineOf(i)` is the line number of match `i`.
 */
export async function firstFrom(
  line: number,
  matches: number,
  lineOf: (index: number) => Promise<number>,
): Promise<number> {
  let [low, high] = [0, matches];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((await lineOf(middle)) < line) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A line whose time is known. */
export interface Mark {
  n: number;
  time: number;
}

/**
 * Number of the first line printed at a time or later; `total` where none was. Times rise with
 * lines, so a guess in proportion is near: a few pieces are read, and remembered in `marks`.
 */
export async function seekTime(
  time: number,
  total: number,
  marks: Mark[],
  read: (offset: number) => Promise<readonly Mark[]>,
): Promise<number> {
  let low: Mark = { n: -1, time: -Infinity };
  let high: Mark = { n: total, time: Infinity };
  for (const mark of marks) {
    if (mark.time < time && mark.n > low.n) low = mark;
    if (mark.time >= time && mark.n < high.n) high = mark;
  }
  for (let turn = 0; high.n - low.n > 1 && turn < 60; turn++) {
    const guess = turn % 4 === 3 ? (low.n + high.n) / 2 : between(low, high, time, total);
    const offset = Math.min(Math.max(low.n + 1, Math.floor(guess)), high.n - 1);
    const piece = (await read(offset)).filter((line) => line.n > low.n && line.n < high.n);
    if (!piece.length) break;
    const first = piece.find((line) => line.time >= time);
    const before = first ? piece.findLast((line) => line.n < first.n) : piece.at(-1);
    if (first) marks.push((high = first));
    if (before) marks.push((low = before));
  }
  return high.n;
}

function between(low: Mark, high: Mark, time: number, total: number): number {
  if (low.n < 0) return 0;
  if (high.n >= total) return total - 1;
  const share = (time - low.time) / Math.max(1, high.time - low.time);
  // a little before: what is sought is then within the piece
  return low.n + share * (high.n - low.n) - 20;
}
