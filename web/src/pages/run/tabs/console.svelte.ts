/** The console's lines as they are needed: pages, search, and what is new. */
import { ApiError, type Query } from '../../../api/client';
import { consolePage, type ConsoleLine, type ConsolePage } from '../calls';
import { plainText } from '../logic/ansi';
import { firstFrom, LinePages } from '../logic/pages';

export interface ConsoleQuery {
  rank: number | null;
  stream: string;
  search: string;
  regex: boolean;
  /** Only lines that match. */
  only: boolean;
}

const SIZE = 500;
const FOUND = 1000;
/** Lines at the end that may still change: progress bars. */
const LOOSE = 20;

export class ConsoleFeed {
  total = $state(0);
  matches = $state(0);
  ranks = $state.raw<number[]>([]);
  dropped = $state(0);
  error = $state.raw<unknown>();
  /** What is wrong with the search, in the server's words. */
  wrong = $state('');
  /** The first answer is here. */
  ready = $state(false);
  /** The search is being counted. */
  counting = $state(false);
  private version = $state(0);
  private pages = new LinePages<ConsoleLine>(SIZE);
  private query: ConsoleQuery = { rank: null, stream: '', search: '', regex: false, only: false };
  private control = new AbortController();
  private searching = new AbortController();
  private ticking = false;
  /** Line numbers of matches, by thousands. */
  private found = new Map<number, number[]>();

  constructor(private readonly id: string) {}

  /** Another view of it: begins anew, unless only the search marks other words. */
  ask(query: ConsoleQuery): void {
    const before = this.query;
    this.query = query;
    this.wrong = '';
    const lines = (q: ConsoleQuery) => [q.rank, q.stream, q.only && q.search, q.only && q.regex];
    if (!this.ready || JSON.stringify(lines(before)) !== JSON.stringify(lines(query)))
      this.restart();
    if (JSON.stringify(before) !== JSON.stringify(query)) void this.count();
  }

  line(index: number): ConsoleLine | undefined {
    void this.version;
    return this.pages.get(index);
  }

  /** These lines are in view. */
  need(first: number, end: number): void {
    for (const page of this.pages.wanted(Math.max(0, first - 50), end + 50)) void this.load(page);
  }

  /** Everything anew, keeping what is seen until the answers come. */
  refresh(first: number, end: number): void {
    const pages = new Set([Math.floor(first / SIZE), Math.floor(Math.max(first, end - 1) / SIZE)]);
    for (const page of pages) void this.load(page);
  }

  /** What was printed since. */
  async tick(): Promise<void> {
    if (this.ticking || !this.ready) return;
    this.ticking = true;
    const { control } = this;
    const offset = Math.max(0, this.total - LOOSE);
    try {
      const page = await this.get({ offset, limit: 1000 }, control.signal);
      this.take(page);
      this.pages.patch(offset, page.lines, this.count_(page));
      this.version += 1;
    } catch {
      // the next tick asks again
    } finally {
      this.ticking = false;
    }
  }

  stop(): void {
    this.control.abort();
    this.searching.abort();
  }

  /** Line number of a match; asked for a thousand at a time. */
  async lineOf(match: number): Promise<number> {
    const part = Math.floor(match / FOUND);
    let lines = this.found.get(part);
    if (!lines) {
      const page = await this.search(part * FOUND, this.searching.signal);
      this.found.set(part, (lines = page.lines.map((line) => line.n)));
    }
    return lines[match % FOUND] ?? Infinity;
  }

  /** Index of the first match at or after a line. */
  matchFrom(line: number): Promise<number> {
    return firstFrom(line, this.matches, (index) => this.lineOf(index));
  }

  /** All lines as plain text, part by part. */
  async *everything(): AsyncGenerator<{ text: string; share: number }> {
    const { rank } = this.query;
    for (let offset = 0, total = 1; offset < total; offset += 1000) {
      const page = await consolePage(this.id, { rank, offset, limit: 1000 });
      total = page.total;
      if (!page.lines.length) return;
      const text = page.lines.map((line) => `${plainText(line.text)}\n`).join('');
      yield { text, share: Math.min(1, (offset + page.lines.length) / total) };
    }
  }

  private restart(): void {
    this.control.abort();
    this.control = new AbortController();
    this.pages = new LinePages<ConsoleLine>(SIZE);
    this.error = undefined;
    void this.load(0);
  }

  private count_(page: ConsolePage): number {
    return this.query.only && this.query.search ? page.matches : page.total;
  }

  private get(query: Query, signal: AbortSignal): Promise<ConsolePage> {
    const { rank, stream, search, regex, only } = this.query;
    const words = only && search ? { search, regex } : {};
    return consolePage(this.id, { rank, stream, ...words, ...query }, { signal });
  }

  private async load(page: number): Promise<void> {
    const { control, pages } = this;
    pages.begin(page);
    try {
      const answer = await this.get({ offset: page * SIZE, limit: SIZE }, control.signal);
      if (control.signal.aborted) return;
      pages.put(page, answer.lines, this.count_(answer));
      this.take(answer);
      [this.error, this.ready] = [undefined, true];
    } catch (error) {
      pages.fail(page);
      if (!control.signal.aborted && !this.blame(error)) this.error = error;
      if (!control.signal.aborted) this.ready = true;
    }
    this.version += 1;
  }

  /** True where the search is at fault: then its lines are none, and its field says why. */
  private blame(error: unknown): boolean {
    if (!(error instanceof ApiError) || error.status !== 400 || !this.query.search) return false;
    this.wrong = error.message;
    if (this.query.only) this.total = 0;
    this.version += 1;
    return true;
  }

  private take(page: ConsolePage): void {
    this.total = this.count_(page);
    this.ranks = page.ranks.length > 1 || this.ranks.length < 2 ? page.ranks : this.ranks;
    this.dropped = page.dropped;
  }

  private search(offset: number, signal: AbortSignal): Promise<ConsolePage> {
    const { search, regex, rank, stream } = this.query;
    const query = { search, regex, rank, stream, offset, limit: FOUND };
    return consolePage(this.id, query, { signal });
  }

  private async count(): Promise<void> {
    this.searching.abort();
    const { signal } = (this.searching = new AbortController());
    this.matches = 0;
    this.found.clear();
    this.counting = Boolean(this.query.search);
    if (!this.counting) return;
    try {
      const page = await this.search(0, signal);
      this.found.set(
        0,
        page.lines.map((line) => line.n),
      );
      this.matches = page.matches;
    } catch (error) {
      if (!signal.aborted && !this.blame(error)) this.error = error;
    }
    if (!signal.aborted) this.counting = false;
  }
}
