/**
 * What changed, as it changes: one EventSource for the whole app, closed while the tab is hidden
 * (browsers allow six connections a server, over all tabs) and continued from the last cursor.
 */
import { apiUrl } from '../api/client';
import type { Change, Changes } from '../api/types';
import { connection } from './connection.svelte';

/** A change, and whether the run has points that it did not have when it was last heard of. */
export type News = Change & { grew: boolean };

export interface Batch {
  /** All that was known may be stale: load anew. */
  reload: boolean;
  changes: News[];
}

type Listener = (batch: Batch) => void;

/** ms: a feed that begins later than this (a tab opened in the background) says so. */
const LATE = 2000;

class LiveFeed {
  private listeners = new Set<Listener>();
  private source: EventSource | null = null;
  private cursor = '';
  private wanted = 0;
  private retry = 0;
  private points = new Map<string, number>();

  /** Hear of changes until the returned function is called. */
  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    this.wanted ||= performance.now();
    this.open();
    return () => {
      this.listeners.delete(listener);
      // from one page to the next there is nobody for a moment
      setTimeout(() => {
        if (this.listeners.size === 0) this.close();
      }, 2000);
    };
  }

  start(): void {
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) this.close();
      else this.open();
    });
    window.addEventListener('pagehide', () => this.close());
    connection.onHeal(() => {
      this.close();
      this.open();
      this.tell({ reload: true, changes: [] });
    });
  }

  private open(): void {
    if (this.source || document.hidden || this.listeners.size === 0) return;
    const source = new EventSource(apiUrl('/events', { cursor: this.cursor }));
    this.source = source;
    source.addEventListener('change', (event) => {
      this.retry = 0;
      this.hear(JSON.parse((event as MessageEvent<string>).data) as Changes);
    });
    source.addEventListener('bye', () => {
      this.close();
      connection.lost();
    });
    source.addEventListener('error', () => {
      if (source.readyState !== EventSource.CLOSED) return;
      this.close();
      this.retry = Math.min(this.retry + 1, 6);
      setTimeout(() => this.open(), 500 * 2 ** this.retry);
    });
  }

  private close(): void {
    this.source?.close();
    this.source = null;
  }

  private hear(data: Changes): void {
    // from here on nothing is missed: said by a batch without changes, for those who loaded before
    const first = this.cursor === '';
    this.cursor = data.cursor;
    const reload = data.reload || (first && performance.now() - this.wanted > LATE);
    if (first || reload || data.changes.length) {
      this.tell({ reload, changes: data.changes.map((one) => this.news(one)) });
    }
  }

  private news(change: Change): News {
    if (change.kind !== 'run') return { ...change, grew: false };
    const grew = this.points.get(change.id) !== change.points;
    this.points.set(change.id, change.points);
    return { ...change, grew };
  }

  private tell(batch: Batch): void {
    for (const listener of this.listeners) listener(batch);
  }
}

export const live = new LiveFeed();
