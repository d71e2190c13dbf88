/** The diary as far as it was scrolled: page after page, kept up as runs go on. */
import type { DiaryPage } from '../../api/types';
import { get } from '../../api/client';
import type { DiaryEntry } from './days';

export interface Asked {
  project: string;
  kinds: string;
  who: string;
  q: string;
  order: 'newest' | 'oldest';
}

type Page = Omit<DiaryPage, 'items'> & { items: DiaryEntry[] };

const STEP = 150;
const MOST = 1000;

const same = (a: DiaryEntry, b: DiaryEntry) =>
  a.time === b.time && a.kind === b.kind && a.run === b.run && a.text === b.text;

/** What was read anew, and behind it what had been read of what follows. */
export function joined(fresh: readonly DiaryEntry[], known: readonly DiaryEntry[]): DiaryEntry[] {
  const last = fresh.at(-1);
  const at = last ? known.findLastIndex((one) => same(one, last)) : -1;
  return at < 0 ? [...fresh] : [...fresh, ...known.slice(at + 1)];
}

export class DiaryPages {
  items = $state.raw<DiaryEntry[]>();
  total = $state(0);
  authors = $state.raw<string[]>([]);
  error = $state.raw<unknown>();
  loading = $state(false);
  /** Where the next page begins; empty at the end. */
  next = $state('');
  private asked: Asked | undefined;
  private control: AbortController | undefined;
  /** Something changed while an answer was on its way. */
  private stale = false;

  ask(asked: Asked): void {
    this.asked = asked;
    void this.load(
      (signal) => this.page(STEP, '', signal),
      (page) => page.items,
    );
  }

  stop(): void {
    this.control?.abort();
  }

  /** What changed is in what was read already, or before it. */
  reload = (): void => {
    // a slow answer is waited for: asked anew at each change, none would ever come
    if (this.loading) {
      this.stale = true;
      return;
    }
    const known = this.items ?? [];
    const count = Math.min(MOST, Math.max(STEP, known.length));
    void this.load(
      (signal) => this.page(count, '', signal),
      (page) => (page.next ? joined(page.items, known) : page.items),
    );
  };

  more = (): void => {
    const known = this.items;
    if (!known || !this.next || this.loading) return;
    const { next } = this;
    void this.load(
      (signal) => this.page(STEP, next, signal),
      (page) => [...known, ...page.items],
    );
  };

  private page(limit: number, after: string, signal: AbortSignal): Promise<Page> {
    return get<Page>('/diary', { signal, query: { ...this.asked, limit, after } });
  }

  private async load(
    read: (signal: AbortSignal) => Promise<Page>,
    join: (page: Page) => DiaryEntry[],
  ): Promise<void> {
    this.control?.abort();
    const control = (this.control = new AbortController());
    this.loading = true;
    this.stale = false;
    try {
      const page = await read(control.signal);
      const before = this.next;
      this.items = join(page);
      // behind what was kept goes on what went on there before
      this.next = this.items.length > page.items.length && page.offset === 0 ? before : page.next;
      [this.total, this.authors, this.error] = [page.total, page.authors, undefined];
      this.loading = false;
      if (this.stale) this.reload();
    } catch (error) {
      if (control.signal.aborted) return;
      [this.error, this.loading] = [error, false];
    }
  }
}
