/** Texts of the cells of a column. */
import type { Json } from '../../api/types';
import {
  formatAgo,
  formatDuration,
  formatNumber,
  formatTime,
  formatValue,
  fullValue,
  grouped,
  num,
  plural,
} from '../../lib/format';
import { proofState, recordState, type State } from '../run/logic/record';
import type { RunColumn } from './columns';

/** What the record lacks and what reruns have shown: columns that are an icon and a word. */
export const RECORD = 'facts.record';
export const GAPS = 'facts.record.gaps';
export const PROOF = 'facts.proof';

/** The state in such a cell; null where the run has none, undefined where it is another column. */
export function stateCell(field: string, value: Json, gaps: Json): State | null | undefined {
  if (field !== RECORD && field !== PROOF) return undefined;
  if (typeof value !== 'string' || !value) return null;
  if (field === PROOF) return proofState(value);
  const { icon, look } = recordState(value, undefined);
  const count = typeof gaps === 'number' ? plural(gaps, 'gap') : 'gaps';
  return { icon, look, word: value === 'gaps' ? count : value };
}

export type CellText = (value: Json) => string;

/** Metrics stand with as many decimals as four digits of the middle value need: points align. */
export function cellText(
  column: Pick<RunColumn, 'kind' | 'type'>,
  values: readonly Json[],
): CellText {
  if (column.type === 'time') return (value) => formatAgo(num(value));
  if (column.type === 'duration')
    return (value) => (value === null ? '' : formatDuration(num(value)));
  if (column.kind !== 'metric') return formatValue;
  const places = decimals(values);
  if (places === null) return formatValue;
  return (value) => {
    if (value === null || value === undefined) return '';
    const n = num(value);
    const size = Math.abs(n);
    if (!Number.isFinite(n) || size >= 1e7 || (size > 0 && size < 10 ** -places)) {
      return formatNumber(n);
    }
    const fixed = n.toFixed(places).replace(/^-/, '−');
    return size >= 1e4 ? grouped(Number(n.toFixed(places))) : fixed;
  };
}

/** Decimals for a column; null where its numbers are too far apart for a common form. */
export function decimals(values: readonly Json[]): number | null {
  const step = Math.max(1, Math.floor(values.length / 500));
  const sizes: number[] = [];
  let whole = true;
  for (let i = 0; i < values.length; i += step) {
    const value = num(values[i]);
    if (!Number.isFinite(value)) continue;
    if (!Number.isInteger(value)) whole = false;
    if (value !== 0) sizes.push(Math.abs(value));
  }
  if (whole) return 0;
  sizes.sort((a, b) => a - b);
  const middle = sizes[sizes.length >> 1] ?? 1;
  const places = Math.max(0, 3 - Math.floor(Math.log10(middle)));
  return places > 6 ? null : places;
}

/** With all digits; what the tooltip says and what is copied. */
export function cellTitle(column: Pick<RunColumn, 'type'>, value: Json): string {
  if (value === null || value === undefined) return '';
  if (column.type === 'time') return formatTime(num(value));
  if (column.type === 'duration') return `${value} s`;
  return fullValue(value);
}

/** Row with the best value of a column; -1 where none is. */
export function bestRow(values: readonly Json[], goal: 'min' | 'max'): number {
  let best = -1;
  let reached = NaN;
  for (let i = 0; i < values.length; i++) {
    const value = num(values[i]);
    if (!Number.isFinite(value)) continue;
    if (best < 0 || (goal === 'max' ? value > reached : value < reached))
      [best, reached] = [i, value];
  }
  return best;
}
