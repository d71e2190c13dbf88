/** What is done at the heads of the table's columns. */
import type { Statistic } from '../../lib/fields';
import type { ViewState } from '../../lib/view.svelte';
import { changeStatistic, moveField, NAME, type RunColumn } from './columns';
import { clickSort, formatOrder, parseOrder, type runsSchema } from './state';

export interface HeadActions {
  sort: (field: string, more: boolean) => void;
  order: (field: string, down: boolean) => void;
  width: (field: string, width: number) => void;
  move: (field: string, step: -1 | 1) => void;
  drop: (field: string, before: string) => void;
  pin: (field: string) => void;
  group: (field: string) => void;
  hide: (field: string) => void;
  statistic: (field: string, to: Statistic) => void;
}

interface Given {
  view: ViewState<typeof runsSchema>;
  /** Fields of the columns that are shown. */
  chosen: () => readonly string[];
  columnOf: (field: string) => RunColumn | undefined;
  onwidth: (field: string, width: number) => void;
}

const without = (list: readonly string[], one: string) => list.filter((x) => x !== one);
const toggled = (list: readonly string[], one: string) =>
  list.includes(one) ? without(list, one) : [...list, one];

/** A column that was sorted by keeps its direction under another statistic. */
function otherStatistic(term: string, field: string, to: Statistic): string {
  const { field: by, down } = parseOrder(term);
  return formatOrder({ field: changeStatistic([by], field, to)[0] ?? by, down });
}

export function headActions({ view, chosen, columnOf, onwidth }: Given): HeadActions {
  const setCols = (cols: string[]) => view.set({ cols, add: '' });
  return {
    sort: (field, more) => {
      const column = columnOf(field);
      const downFirst = column?.align === 'right' ? column.goal !== 'min' : column?.type === 'time';
      view.set({ sort: clickSort(view.now.sort, field, more, downFirst) });
    },
    order: (field, down) => view.set({ sort: [formatOrder({ field, down })] }),
    width: onwidth,
    move: (field, step) => setCols(moveField(chosen(), field, chosen().indexOf(field) + step)),
    drop: (field, before) => {
      const at = before === NAME ? 0 : without(chosen(), field).indexOf(before);
      if (field !== before) setCols(moveField(chosen(), field, at));
    },
    pin: (field) => view.set({ pins: toggled(view.now.pins, field) }),
    group: (field) => view.set({ group: toggled(view.now.group, field) }),
    hide: (field) =>
      view.set({ cols: without(chosen(), field), pins: without(view.now.pins, field), add: '' }),
    statistic: (field, to) =>
      view.set({
        cols: changeStatistic(chosen(), field, to),
        sort: view.now.sort.map((term) => otherStatistic(term, field, to)),
        add: '',
      }),
  };
}
