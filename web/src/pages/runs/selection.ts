/** Rows that are chosen: one by one, or from the last one to here. */

export class Selection {
  constructor(
    readonly ids: ReadonlySet<string> = new Set(),
    private readonly last: string | null = null,
  ) {}

  get size(): number {
    return this.ids.size;
  }

  has(id: string): boolean {
    return this.ids.has(id);
  }

  toggle(id: string): Selection {
    const next = new Set(this.ids);
    if (!next.delete(id)) next.add(id);
    return new Selection(next, id);
  }

  /** All from the one chosen last to this one, in the order they are shown. */
  extend(id: string, order: readonly string[]): Selection {
    const from = this.last === null ? -1 : order.indexOf(this.last);
    const to = order.indexOf(id);
    if (from < 0 || to < 0) return this.toggle(id);
    const [a, b] = from < to ? [from, to] : [to, from];
    return new Selection(new Set([...this.ids, ...order.slice(a, b + 1)]), id);
  }

  add(ids: readonly string[]): Selection {
    return new Selection(new Set([...this.ids, ...ids]), this.last);
  }

  drop(ids: readonly string[]): Selection {
    const gone = new Set(ids);
    return new Selection(new Set([...this.ids].filter((id) => !gone.has(id))), this.last);
  }

  /** Only those that are still there. */
  keep(there: ReadonlySet<string>): Selection {
    const ids = [...this.ids].filter((id) => there.has(id));
    return ids.length === this.ids.size ? this : new Selection(new Set(ids), this.last);
  }

  /** What the box over all says. */
  state(order: readonly string[]): 'none' | 'some' | 'all' {
    if (!this.ids.size) return 'none';
    return order.length > 0 && order.every((id) => this.ids.has(id)) ? 'all' : 'some';
  }
}
