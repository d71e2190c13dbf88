/**
 * One cursor over many charts, and one animation frame for all of them. Charts that are out of
 * view are not drawn; nothing here touches the document.
 */

export interface Cursor {
  /** On the x axis, in its unit; null: no cursor. */
  x: number | null;
  /** The chart under the pointer: it lists values, the others only mark them. */
  source: unknown;
  /** A run that is pointed at (in a table or a legend) and raised in all charts. */
  raised: string | null;
}

export class CursorGroup implements Cursor {
  x: number | null = null;
  source: unknown = null;
  raised: string | null = null;
  private listeners = new Set<(cursor: Cursor) => void>();

  /** Called once a frame after a change; returns how to stop. */
  listen(call: (cursor: Cursor) => void): () => void {
    this.listeners.add(call);
    return () => this.listeners.delete(call);
  }

  set(change: Partial<Cursor>): void {
    Object.assign(this, change);
    schedule(this.tell);
  }

  private tell = () => {
    for (const call of this.listeners) call(this);
  };
}

const pending = new Set<() => void>();
let frame = 0;

/** Runs each given function once, in the next frame. */
export function schedule(work: () => void): void {
  pending.add(work);
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    const now = [...pending];
    pending.clear();
    for (const one of now) one();
  });
}

export function unschedule(work: () => void): void {
  pending.delete(work);
}
