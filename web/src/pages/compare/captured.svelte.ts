/** What was captured of the runs compared: a request a run, kept for as long as the page app lives. */
import { untrack } from 'svelte';
import { SvelteMap, SvelteSet } from 'svelte/reactivity';

import { get } from '../../api/client';
import type { Json, RunInfo } from '../../api/types';
import { readCaptured, type Captured } from './rows';

/** What was captured until a run was heard of last: one that goes on, or again, captures more. */
const kept = new Map<string, { until: number; captured: Captured }>();

/** When a run was heard of; while it goes on, in steps of half a minute (µs). */
const heardOf = ({ status, updated }: RunInfo) =>
  status === 'running' ? Math.floor(updated / 30e6) : updated;

/** Call it while a component starts. */
export function capturedOf(runs: () => readonly RunInfo[]) {
  const known = new SvelteMap<string, Captured>();
  const failed = new SvelteSet<string>();
  const asked = new Map<string, number>();
  let wanted = $derived(JSON.stringify(runs().map((run) => [run.id, heardOf(run)])));

  let control = new AbortController();
  $effect(() => () => {
    control.abort();
    control = new AbortController();
    asked.clear();
  });
  $effect(() => {
    for (const [id, until] of JSON.parse(wanted) as [string, number][]) {
      if (asked.get(id) === until) continue;
      asked.set(id, until);
      void untrack(() => load(id, until, control.signal));
    }
  });

  async function load(id: string, until: number, signal: AbortSignal): Promise<void> {
    const before = kept.get(id);
    if (before?.until === until) {
      known.set(id, before.captured);
      return;
    }
    try {
      const parts = await get<Record<string, Json>>(`/runs/${id}/captured`, { signal });
      const captured = readCaptured(parts);
      kept.set(id, { until, captured });
      known.set(id, captured);
      failed.delete(id);
    } catch {
      if (signal.aborted) return;
      failed.add(id);
      if (!known.has(id)) known.set(id, readCaptured(null));
    }
  }

  return {
    get known(): ReadonlyMap<string, Captured> {
      return known;
    },
    get failed() {
      return runs().filter((run) => failed.has(run.id)).length;
    },
    get missing() {
      return runs().filter((run) => !known.has(run.id)).length;
    },
  };
}
