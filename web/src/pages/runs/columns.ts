/** Which columns there are and what they are. */
import type { FieldInfo, FieldKind, Goal } from '../../api/types';
import { depth, isDigest } from '../../lib/first';
import { fieldLabel, fieldOf, parseField, type Statistic } from '../../lib/fields';
import type { Column } from '../../components/VirtualTable.svelte';

export interface RunColumn extends Column {
  field: string;
  kind: FieldKind;
  type: string;
  /** Key without prefix and statistic. */
  name: string;
  statistic: Statistic | undefined;
  goal: Goal;
  unit: string;
}

/** Always there, always first: selection, colour and name. */
export const NAME = 'name';

const NUMBERS = new Set(['number', 'float', 'int', 'duration']);
const WIDTHS: Record<string, number> = {
  name: 220, status: 96, created: 96, started: 96, ended: 96, updated: 96, duration: 84, user: 88,
  host: 96, group: 120, id: 160, number: 64, points: 80, ranks: 64, hypothesis: 240,
  conclusion: 240, reason: 240, verdict: 96, 'facts.record': 104, 'facts.proof': 152,
}; // prettier-ignore

export function makeColumn(
  field: string,
  infos: ReadonlyMap<string, FieldInfo>,
  widths: Readonly<Record<string, number>> = {},
  pinned = false,
): RunColumn {
  const { kind, key, statistic } = parseField(field);
  const info = infos.get(field) ?? infos.get(fieldOf(kind, key));
  const type = info?.type ?? (kind === 'metric' ? 'number' : kind === 'attribute' ? 'text' : 'any');
  const label = fieldLabel(field);
  const natural = Math.min(240, Math.max(72, label.length * 7 + 34));
  return {
    id: field,
    field,
    label,
    kind: info?.kind ?? kind,
    type,
    name: key,
    statistic,
    goal: info?.goal || '',
    unit: info?.unit ?? '',
    width: widths[field] ?? WIDTHS[field] ?? natural,
    align: NUMBERS.has(type) || kind === 'metric' ? 'right' : 'left',
    pinned: pinned || field === NAME,
  };
}

/** Fields with one and the same value in all the runs found, and which value. */
export function constantFields(infos: readonly FieldInfo[], total: number): FieldInfo[] {
  const kinds = new Set(['param', 'tag', 'fact']);
  return infos.filter(
    (one) => kinds.has(one.kind) && one.distinct === 1 && one.runs === total && total > 1,
  );
}

/** Fields that are worth a list of values with counts beside the search. */
export function facetFields(infos: readonly FieldInfo[], total: number, most = 6): FieldInfo[] {
  const fits = (one: FieldInfo) =>
    one.distinct > 1 && one.distinct <= 20 && one.distinct < Math.max(3, total);
  const always = ['status', 'group', 'user', 'verdict'];
  const first = always.flatMap((name) => infos.filter((one) => one.field === name && fits(one)));
  const rest = infos
    .filter((one) => (one.kind === 'param' || one.kind === 'tag') && fits(one))
    .filter((one) => one.type === 'text' || one.type === 'bool' || one.distinct <= 6)
    .filter((one) => !isDigest(one.key))
    .sort((a, b) => depth(a) - depth(b) || rank(b) - rank(a));
  return [...first, ...rest].slice(0, most);
}

const rank = (one: FieldInfo) => one.runs + (one.type === 'text' ? 0.5 : 0);

export function moveField(fields: readonly string[], field: string, to: number): string[] {
  const rest = fields.filter((one) => one !== field);
  const at = Math.max(0, Math.min(to, rest.length));
  return [...rest.slice(0, at), field, ...rest.slice(at)];
}

/** Another statistic of the same metric, in the same place. */
export function changeStatistic(fields: readonly string[], field: string, to: Statistic): string[] {
  const { key } = parseField(field);
  const other = fieldOf('metric', key, to);
  return [...new Set(fields.map((one) => (one === field ? other : one)))];
}

/** Is a greater value of the column better, worse, or neither? */
export function directionOf(column: Pick<RunColumn, 'kind' | 'goal' | 'statistic'>): Goal {
  if (column.kind !== 'metric' || !column.goal) return '';
  const ranked = ['best', 'last', 'min', 'max', 'mean'];
  return ranked.includes(column.statistic ?? 'last') ? column.goal : '';
}
