/** A logged table: rows by page while it is only looked at, all of them to sort and to search. */
import type { Json } from '../../../api/types';
import { tablePage } from '../calls';
import { LinePages } from '../logic/pages';
import { columnWidth, matching, sorted, type ColumnInfo } from '../logic/table';
import type { BlobRef } from '../logic/media';

const SIZE = 200;
const AT_ONCE = 1000;
/** More rows than this are not taken into the browser as a whole. */
export const MOST_ROWS = 200_000;

export class LoggedTable {
  columns = $state.raw<ColumnInfo[]>([]);
  rows = $state(0);
  pack = $state.raw<BlobRef | null>(null);
  error = $state.raw<unknown>();
  /** 'reading 40 %', or nothing. */
  reading = $state('');
  order = $state.raw<{ column: number; down: boolean } | null>(null);
  /** Rows that are shown, in order; null: all, as they were logged. */
  private shown = $state.raw<number[] | null>(null);
  private version = $state(0);
  private pages = new LinePages<Json[]>(SIZE);
  private whole: Json[][] | null = null;
  private place = { run: '', key: '', step: 0 };
  private search = '';
  private control = new AbortController();

  get count(): number {
    return this.shown?.length ?? this.rows;
  }

  async open(run: string, key: string, step: number, rows: number): Promise<void> {
    const { place } = this;
    if (place.run === run && place.key === key && place.step === step) return;
    this.control.abort();
    this.control = new AbortController();
    this.place = { run, key, step };
    this.pages = new LinePages<Json[]>(SIZE);
    this.whole = null;
    this.shown = null;
    this.rows = this.pages.total = rows;
    await this.load(0);
    if (this.search || this.order) await this.arrange();
  }

  retry(): void {
    this.error = undefined;
    void this.load(0);
  }

  cell(row: number, column: number): Json | undefined {
    void this.version;
    const at = this.shown ? this.shown[row] : row;
    if (at === undefined) return undefined;
    if (this.whole) return this.whole[column]?.[at];
    const found = this.pages.get(at);
    if (!found) queueMicrotask(() => this.need(at));
    return found?.[column];
  }

  widthOf(index: number, info: ColumnInfo): number {
    void this.version;
    const first = Array.from({ length: 30 }, (_, row) => this.pages.get(row)?.[index] ?? null);
    return columnWidth(info, first);
  }

  async sortBy(column: number): Promise<void> {
    const { order } = this;
    if (order?.column !== column) this.order = { column, down: false };
    else this.order = order.down ? null : { column, down: true };
    await this.arrange();
  }

  async find(search: string): Promise<void> {
    this.search = search.trim();
    await this.arrange();
  }

  /** All cells by column. */
  async everything(): Promise<Json[][]> {
    if (this.whole) return this.whole;
    if (this.rows > MOST_ROWS) {
      throw new Error(`it has more than ${MOST_ROWS / 1000},000 rows; read it with Python`);
    }
    const { control } = this;
    const out: Json[][] = this.columns.map(() => []);
    try {
      for (let offset = 0; offset < this.rows; offset += AT_ONCE) {
        const query = { ...this.where, offset, limit: AT_ONCE };
        const page = await tablePage(this.place.run, query, { signal: control.signal });
        for (const [i, part] of page.cells.entries()) out[i]?.push(...part);
        this.reading = `reading ${Math.round((offset / this.rows) * 100)} %`;
      }
    } finally {
      this.reading = '';
    }
    return (this.whole = out);
  }

  private get where() {
    return { key: this.place.key, step: this.place.step };
  }

  private async arrange(): Promise<void> {
    if (!this.search && !this.order) {
      this.shown = null;
      return;
    }
    try {
      const cells = await this.everything();
      let rows = matching(cells, this.rows, this.search);
      if (this.order) {
        const { column, down } = this.order;
        rows = sorted(rows, cells[column] ?? [], this.columns[column]?.type ?? '', down);
      }
      this.shown = rows;
    } catch (error) {
      if (!this.control.signal.aborted) this.error = error;
    }
  }

  private need(row: number): void {
    for (const page of this.pages.wanted(row, row + 1)) void this.load(page);
  }

  private async load(page: number): Promise<void> {
    const { pages, control } = this;
    pages.begin(page);
    try {
      const query = { ...this.where, offset: page * SIZE, limit: SIZE };
      const answer = await tablePage(this.place.run, query, { signal: control.signal });
      const count = Math.max(0, ...answer.cells.map((column) => column.length));
      const lines = Array.from({ length: count }, (_, row) =>
        answer.cells.map((column) => column[row] ?? null),
      );
      pages.put(page, lines, answer.rows);
      if (page === 0) [this.columns, this.pack] = [answer.columns, answer.pack];
      [this.rows, this.error] = [answer.rows, undefined];
    } catch (error) {
      pages.fail(page);
      if (!control.signal.aborted) this.error = error;
    }
    this.version += 1;
  }
}
