/** Short messages at the foot of the page, with a way back where there is one. */
import { ApiError } from '../api/client';

export interface Toast {
  id: number;
  kind: 'done' | 'error';
  text: string;
  hint: string;
  undo?: (() => unknown) | undefined;
}

let last = 0;

class Toasts {
  all = $state<Toast[]>([]);

  /** Says that something is done; with `undo`, offers to take it back. */
  done(text: string, undo?: () => unknown): void {
    this.add({ kind: 'done', text, hint: '', undo }, undo ? 10_000 : 5_000);
  }

  /** Says what went wrong; stays until it is closed. */
  error(problem: unknown, what = ''): void {
    const message = problem instanceof Error ? problem.message : String(problem);
    const hint = problem instanceof ApiError ? problem.hint : '';
    this.add({ kind: 'error', text: what ? `${what}: ${message}` : message, hint }, 0);
  }

  close(id: number): void {
    this.all = this.all.filter((toast) => toast.id !== id);
  }

  private add(toast: Omit<Toast, 'id'>, time: number): void {
    const id = ++last;
    this.all = [...this.all.slice(-3), { ...toast, id }];
    if (time) setTimeout(() => this.close(id), time);
  }
}

export const toasts = new Toasts();
