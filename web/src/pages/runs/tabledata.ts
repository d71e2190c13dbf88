/** The table's content, by column, and how a live change is put into it. */
import type { Json, RunsTable, Status } from '../../api/types';

export interface TableData {
  total: number;
  totalAll: number;
  ids: string[];
  slots: number[];
  statuses: Status[];
  /** By field as it was asked for. */
  columns: Map<string, Json[]>;
}

/** The answer's columns stand in the order of the question, whatever they are called in it. */
export function readTable(answer: RunsTable, fields: readonly string[]): TableData {
  const columns = new Map<string, Json[]>();
  for (const [i, field] of fields.entries()) {
    const named = answer.columns.find((column) => column.field === field);
    columns.set(field, (named ?? answer.columns[i])?.values ?? []);
  }
  return {
    total: answer.total,
    totalAll: answer.total_all,
    ids: answer.ids,
    slots: answer.slots,
    statuses: answer.statuses,
    columns,
  };
}

export interface Merged {
  table: TableData;
  /** How many rows were put in at the top. */
  added: number;
  /** New runs that belong elsewhere: shown when the table is sorted anew. */
  waiting: string[];
}

/**
 * Puts the answer for the changed runs into the table. Rows stay where they are, also where the
 * sorting would now put them elsewhere: nothing jumps under the pointer. New runs go to the top
 * where the newest stand there, else they wait. A changed run that the answer lacks is not found by the search
 * any more, and goes.
 */
export function mergeTable(
  table: TableData,
  delta: TableData,
  changed: readonly string[],
  newestFirst: boolean,
): Merged {
  const places = new Map(table.ids.map((id, i) => [id, i]));
  const inDelta = new Map(delta.ids.map((id, i) => [id, i]));
  const gone = new Set(changed.filter((id) => places.has(id) && !inDelta.has(id)));
  const fresh = delta.ids.filter((id) => !places.has(id));
  const added = newestFirst ? fresh : [];

  const rebuild = <T>(old: readonly T[], from: readonly T[]): T[] => {
    const out = old.slice();
    for (const [id, at] of inDelta) {
      const place = places.get(id);
      if (place !== undefined) out[place] = from[at] as T;
    }
    const kept = gone.size ? out.filter((_, i) => !gone.has(table.ids[i] ?? '')) : out;
    return added.length
      ? [...added.map((id) => from[inDelta.get(id) as number] as T), ...kept]
      : kept;
  };
  const columns = new Map<string, Json[]>();
  for (const [field, old] of table.columns) {
    columns.set(field, rebuild(old, delta.columns.get(field) ?? []));
  }
  const merged: TableData = {
    total: table.total + fresh.length - gone.size,
    totalAll: delta.totalAll,
    ids: rebuild(table.ids, delta.ids),
    slots: rebuild(table.slots, delta.slots),
    statuses: rebuild(table.statuses, delta.statuses),
    columns,
  };
  return { table: merged, added: added.length, waiting: newestFirst ? [] : fresh };
}

/** `id in ('a', 'b')`, and the search around it. */
export function changedWhere(where: string, ids: readonly string[]): string {
  const some = `id in (${ids.map((id) => `'${id}'`).join(', ')})`;
  return where ? `(${where}) and ${some}` : some;
}
