/**
 * Name, status and colour of runs that are only known by their id (in the diary, in artifacts, in
 * lists of what happened): asked for together, kept, and asked anew when the feed names them.
 */
import { SvelteMap } from 'svelte/reactivity';

import * as calls from '../api/calls';
import type { Change, Status } from '../api/types';
import { live } from '../lib/live';

export interface RunCard {
  id: string;
  name: string;
  project: string;
  group: string;
  slot: number;
  status: Status;
}

const AT_ONCE = 80;

class RunCards {
  #known = new SvelteMap<string, RunCard | null>();
  #wanted = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #listening = false;

  /** What is known of a run; undefined while it is asked for, null where there is no such run. */
  of(id: string): RunCard | null | undefined {
    if (!id) return null;
    const found = this.#known.get(id);
    if (found === undefined) this.#want(id);
    return found;
  }

  #want(id: string): void {
    this.#wanted.add(id);
    if (this.#timer === undefined) this.#timer = setTimeout(() => void this.#load(), 0);
    if (this.#listening) return;
    this.#listening = true;
    live.listen(({ changes, reload }) => this.#stale(changes, reload));
  }

  #stale(changes: readonly Change[], reload: boolean): void {
    const again = reload
      ? [...this.#known.keys()]
      : changes.filter((one) => one.kind === 'run').map((one) => one.id);
    for (const id of again) if (this.#known.has(id)) this.#want(id);
  }

  async #load(): Promise<void> {
    const ids = [...this.#wanted];
    this.#wanted.clear();
    this.#timer = undefined;
    for (let at = 0; at < ids.length; at += AT_ONCE) {
      await this.#part(ids.slice(at, at + AT_ONCE)).catch(() => undefined);
    }
  }

  async #part(ids: string[]): Promise<void> {
    const list = ids.map((id) => `'${id.replace(/'/g, '')}'`).join(', ');
    const where = `id in (${list})`;
    const query = {
      where,
      fields: ['name', 'project', 'group'],
      limit: ids.length,
      archived: true,
    };
    const table = await calls.runsTable(query);
    const column = (field: string) => table.columns.find((one) => one.field === field)?.values;
    const [names, projects, groups] = [column('name'), column('project'), column('group')];
    for (const [i, id] of table.ids.entries()) {
      this.#put({
        id,
        name: String(names?.[i] ?? id),
        project: String(projects?.[i] ?? ''),
        group: String(groups?.[i] ?? ''),
        slot: table.slots[i] ?? 0,
        status: table.statuses[i] ?? 'finished',
      });
    }
    // deleted, it may have been, since it was known
    for (const id of ids) if (!table.ids.includes(id)) this.#known.set(id, null);
  }

  #put(card: RunCard): void {
    const same = JSON.stringify(this.#known.get(card.id)) === JSON.stringify(card);
    if (!same) this.#known.set(card.id, card);
  }
}

export const runCards = new RunCards();
