/** The pinned run, fetched where the search does not find it. */
import * as calls from '../../api/calls';
import { resource } from '../../lib/resource.svelte';
import type { TableData } from '../runs/tabledata';
import type { RunRef } from './settings';
import { runRefs } from './shown';

/** Call it while a component starts. */
export function pinnedRun(base: () => string, table: () => TableData | undefined) {
  const inTable = $derived.by((): RunRef | undefined => {
    const data = table();
    const row = base() && data ? data.ids.indexOf(base()) : -1;
    return data && row >= 0 ? runRefs(data, [row])[0] : undefined;
  });
  const found = resource(
    () => (base() && table() && !inTable ? base() : null),
    async (id, signal) => {
      const { items } = await calls.runs({ ids: id }, { signal });
      const one = items[0] as ((typeof items)[number] & { slot?: number }) | undefined;
      return one && { id, name: one.name || id, slot: one.slot ?? 0, status: one.status };
    },
    { keep: false, live: ({ kind, id }) => kind === 'run' && id === base(), pause: 3000 },
  );
  return {
    get ref(): RunRef | undefined {
      return inTable ?? found.data;
    },
  };
}
