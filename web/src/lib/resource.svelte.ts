/**
 * Something fetched, for a page: follows its key, keeps the old answer while the new one is on
 * its way, drops answers nobody waits for, and loads anew when the live feed says so.
 *
 *   const runs = resource(() => project, (project, signal) => calls.runs({ project }, { signal }),
 *                         { live: (change) => change.kind === 'run' });
 *   {#if runs.data} … {:else if runs.error} <ErrorState error={runs.error} retry={runs.reload} />
 */
import { untrack } from 'svelte';
import { live, type News } from './live';

export interface Resource<T> {
  readonly data: T | undefined;
  readonly error: unknown;
  readonly loading: boolean;
  reload: () => void;
  /** Change the answer at once, before the server has said so. */
  set: (data: T) => void;
}

interface Settings {
  /** Which changes make the answer stale. */
  live?: (change: News) => boolean;
  /** Least time between two loads that changes cause, in ms. */
  pause?: number | (() => number);
  /** Keep the old answer while another key's is on its way (default: yes). */
  keep?: boolean;
}

/** Call it while a component starts, as $effect is called. A null key loads nothing. */
export function resource<K, T>(
  key: () => K | null,
  load: (key: K, signal: AbortSignal) => Promise<T>,
  settings: Settings = {},
): Resource<T> {
  let data = $state.raw<T>();
  let error = $state.raw<unknown>();
  let loading = $state(true);
  let again = $state(0);
  let loaded = '';
  // an answer is on its way, and something changed that it may not know
  let busy = false;
  let stale = false;

  // a key that is made anew with the same content is the same key
  const name = $derived(JSON.stringify(key()) ?? '');
  $effect(() => {
    void again;
    const text = name;
    const wanted = untrack(key);
    if (settings.keep === false && text !== loaded) data = undefined;
    loaded = text;
    if (wanted === null) {
      loading = false;
      return;
    }
    const control = new AbortController();
    loading = true;
    [busy, stale] = [true, false];
    const done = () => {
      busy = false;
      if (stale) reload();
    };
    load(wanted, control.signal).then(
      (answer) => {
        if (control.signal.aborted) return;
        [data, error, loading] = [answer, undefined, false];
        done();
      },
      (problem: unknown) => {
        if (control.signal.aborted) return;
        [error, loading] = [problem, false];
        done();
      },
    );
    return () => {
      busy = false;
      control.abort(new DOMException('not wanted any more', 'AbortError'));
    };
  });

  const reload = () => {
    again += 1;
  };
  // a slow answer is waited for: asked anew at each change, none would ever come
  const refresh = () => {
    if (busy) stale = true;
    else reload();
  };
  if (settings.live) onChange(settings.live, refresh, settings.pause);
  return {
    get data() {
      return data;
    },
    get error() {
      return error;
    },
    get loading() {
      return loading;
    },
    reload,
    set: (answer) => {
      data = answer;
    },
  };
}

/** Calls at once on a change that fits, then at most each `pause` ms; never loses the last one. */
export function onChange(
  fits: (change: News) => boolean,
  call: (changes: News[], reload: boolean) => void,
  pause: number | (() => number) = 1000,
): void {
  $effect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let pending = new Map<string, News>();
    let reload = false;
    const fire = () => {
      timer = undefined;
      if (!pending.size && !reload) return;
      const [changes, all] = [[...pending.values()], reload];
      [pending, reload] = [new Map(), false];
      timer = setTimeout(fire, typeof pause === 'function' ? pause() : pause);
      call(changes, all);
    };
    const stop = live.listen((batch) => {
      reload ||= batch.reload;
      for (const change of batch.changes) {
        if (fits(change)) pending.set(`${change.kind} ${change.id}`, change);
      }
      if (timer === undefined) fire();
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  });
}
