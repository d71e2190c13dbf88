/**
 * All that is known of the runs compared: a few at a time (a run of thousands of metrics is large),
 * each once; of those that go on, only what changed is asked for again.
 */
import { SvelteMap } from 'svelte/reactivity';

import * as calls from '../../api/calls';
import type { RunInfo } from '../../api/types';
import { onChange } from '../../lib/resource.svelte';

const AT_ONCE = 5;

/** Call it while a component starts. */
export function infosOf(ids: () => readonly string[]) {
  /** null: there is no such run. */
  const known = new SvelteMap<string, RunInfo | null>();
  const asked = new Set<string>();
  let error = $state.raw<unknown>();
  let control = new AbortController();

  $effect(() => {
    const missing = ids().filter((id) => !asked.has(id));
    if (missing.length) void load(missing);
  });
  $effect(() => () => {
    control.abort();
    control = new AbortController();
    asked.clear();
  });
  onChange(
    (change) => change.kind === 'run' && ids().includes(change.id),
    (changes, reload) => void load(reload ? [...ids()] : changes.map((change) => change.id)),
    3000,
  );

  async function load(wanted: readonly string[]): Promise<void> {
    for (const id of wanted) asked.add(id);
    error = undefined;
    const parts: string[][] = [];
    for (let at = 0; at < wanted.length; at += AT_ONCE) parts.push(wanted.slice(at, at + AT_ONCE));
    await Promise.all(parts.map((part) => one(part, control.signal)));
  }

  async function one(part: readonly string[], signal: AbortSignal): Promise<void> {
    try {
      const answer = await calls.runs({ ids: part.join(','), limit: part.length }, { signal });
      const found = new Map(answer.items.map((run) => [run.id, run]));
      for (const id of part) known.set(id, found.get(id) ?? null);
    } catch (problem) {
      for (const id of part) asked.delete(id);
      if (!signal.aborted) error = problem;
    }
  }

  return {
    get runs(): RunInfo[] {
      return ids().flatMap((id) => known.get(id) ?? []);
    },
    /** Ids of runs that are not here. */
    get gone(): string[] {
      return ids().filter((id) => known.get(id) === null);
    },
    /** How many are still on their way. */
    get waiting(): number {
      return ids().filter((id) => !known.has(id)).length;
    },
    get error(): unknown {
      return error;
    },
    reload: () => void load(ids().filter((id) => !known.get(id))),
  };
}
