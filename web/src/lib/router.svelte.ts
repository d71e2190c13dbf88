/** Where we are, from the address bar; history API, no hash. */
import { base, href } from './paths';

class Router {
  /** Path inside the app: '/p/vision/runs'. */
  path = $state('/');
  /** The query without '?'. */
  search = $state('');
  private leaving = new Set<() => boolean>();
  private late: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    if (typeof window === 'undefined') return;
    this.read();
    window.addEventListener('popstate', () => {
      clearTimeout(this.late);
      this.late = undefined;
      this.read();
    });
    document.addEventListener('click', (event) => this.click(event));
  }

  /** Go to a path inside the app. Replacing leaves no step for the back button. */
  go(to: string, options: { replace?: boolean; keepScroll?: boolean } = {}): void {
    const [path = '/', search = ''] = to.split(/\?(.*)/s);
    if (path !== this.path && ![...this.leaving].every((may) => may())) return;
    if (path === this.path && search === this.search) return;
    if (options.replace) this.replaceSoon();
    else {
      this.flush();
      history.pushState(null, '', href(to));
    }
    const moved = path !== this.path;
    this.path = path;
    this.search = search;
    if (moved && !options.keepScroll) document.getElementById('main')?.scrollTo(0, 0);
  }

  /** Browsers allow few changes of the address a second; a slider makes many. */
  private replaceSoon(): void {
    this.late ??= setTimeout(() => this.flush(), 250);
  }

  private flush(): void {
    if (this.late === undefined) return;
    clearTimeout(this.late);
    this.late = undefined;
    history.replaceState(null, '', href(this.search ? `${this.path}?${this.search}` : this.path));
  }

  /** Change the query only. */
  query(search: string, options: { replace?: boolean } = {}): void {
    this.go(search ? `${this.path}?${search}` : this.path, { ...options, keepScroll: true });
  }

  /** Ask before the page is left (unsaved text); returns how to stop asking. */
  guard(may: () => boolean): () => void {
    this.leaving.add(may);
    return () => this.leaving.delete(may);
  }

  private read(): void {
    const path = location.pathname;
    this.path = (path.startsWith(base) ? path.slice(base.length) : path) || '/';
    this.search = location.search.slice(1);
  }

  private click(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest?.('a');
    if (!link || link.target || link.hasAttribute('download')) return;
    const url = new URL(link.href, location.href);
    if (url.origin !== location.origin || !url.pathname.startsWith(`${base}/`)) return;
    const path = url.pathname.slice(base.length);
    if (path.startsWith('/api/')) return;
    event.preventDefault();
    this.go(path + url.search);
  }
}

export const router = new Router();
