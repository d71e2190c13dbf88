/** What was captured of the runs compared: a request a run, kept for as long as the page app lives. */
import { SvelteMap } from 'svelte/reactivity';

import { get } from '../../api/client';
import type { Json, RunInfo } from '../../api/types';
import { readCaptured, type Captured } from './rows';

const kept = new Map<string, Captured>();

/** Call it while a component starts. */
export function capturedOf(runs: () => readonly RunInfo[]) {
  const known = new SvelteMap<string, Captured>();
  let failed = $state(0);
  let wanted = $derived(runs().map((run) => `${run.id} ${run.status === 'running'}`));
  let list = $derived(JSON.stringify(wanted));

  $effect(() => {
    const control = new AbortController();
    failed = 0;
    for (const one of JSON.parse(list) as string[]) void load(one, control.signal);
    return () => control.abort();
  });

  async function load(one: string, signal: AbortSignal): Promise<void> {
    const id = one.split(' ', 1)[0] ?? '';
    const before = kept.get(one);
    if (before) {
      known.set(id, before);
      return;
    }
    try {
      const parts = await get<Record<string, Json>>(`/runs/${id}/captured`, { signal });
      const captured = readCaptured(parts);
      kept.set(one, captured);
      known.set(id, captured);
    } catch {
      if (signal.aborted) return;
      failed += 1;
      known.set(id, readCaptured(null));
    }
  }

  return {
    get known(): ReadonlyMap<string, Captured> {
      return known;
    },
    get failed() {
      return failed;
    },
    get missing() {
      return runs().filter((run) => !known.has(run.id)).length;
    },
  };
}
