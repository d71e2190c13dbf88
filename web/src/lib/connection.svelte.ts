/** Is the server there? One place asks, everybody waits here. */
import { base } from './paths';

type State = 'up' | 'down' | 'healed';
const FIRST = 500;
const SLOWEST = 8000;

class Connection {
  state = $state<State>('up');
  private waiting = new Set<() => void>();
  private healing = new Set<() => void>();

  /** A request failed on its way: start to ask, unless that is going on. */
  lost(): void {
    if (this.state === 'down') return;
    this.state = 'down';
    void this.ask();
  }

  /** Resolves when the server answers again; rejects when the signal aborts. */
  back(signal?: AbortSignal): Promise<void> {
    if (this.state !== 'down') return Promise.resolve();
    return new Promise((resolve, reject) => {
      const done = () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      const abort = () => {
        this.waiting.delete(done);
        reject(signal?.reason);
      };
      if (signal?.aborted) abort();
      this.waiting.add(done);
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  /** Called each time the server is back after it was away. */
  onHeal(call: () => void): () => void {
    this.healing.add(call);
    return () => this.healing.delete(call);
  }

  private async ask(): Promise<void> {
    for (let pause = FIRST; ; pause = Math.min(pause * 1.6, SLOWEST)) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      try {
        const answer = await fetch(`${base}/health`, { cache: 'no-store' });
        if (answer.ok) break;
      } catch {
        // still away
      }
    }
    this.state = 'healed';
    for (const done of this.waiting) done();
    this.waiting.clear();
    for (const call of this.healing) call();
    setTimeout(() => {
      if (this.state === 'healed') this.state = 'up';
    }, 3000);
  }
}

export const connection = new Connection();
