/** Runs before and after one, in the order in which the table showed them. */
import type { RunsTable, Status } from '../../../api/types';
import { groupRows, inGroups } from '../../runs/grouping';

export interface Neighbour {
  id: string;
  name: string;
  slot: number;
  status: Status;
}

/** A table of names; where it was grouped, group by group. Columns: name, what it is grouped by. */
export function neighboursOf(table: RunsTable, group: readonly string[]): Neighbour[] {
  const columns = new Map(table.columns.map((one) => [one.field, one.values]));
  const value = (field: string, row: number) =>
    (columns.get(field) ?? table.columns[1 + group.indexOf(field)]?.values)?.[row] ?? null;
  const all = [...table.ids.keys()];
  const rows = group.length ? inGroups(groupRows(all, group, value)) : all;
  return rows.map((row) => ({
    id: table.ids[row] ?? '',
    name: String(columns.get('name')?.[row] ?? table.ids[row]),
    slot: table.slots[row] ?? 0,
    status: table.statuses[row] ?? 'finished',
  }));
}
