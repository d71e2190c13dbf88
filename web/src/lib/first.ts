/**
 * What a page of runs asks first, known before the page is there: src/early.ts asks it while
 * scripts are on their way. Small on purpose: nothing of the framework may be imported here.
 */
import type { FieldInfo } from '../api/types';
import { fieldOf } from './fields';

export const FIRST_ROWS = 200;
/** Columns whose values the table needs whether they are shown or not. */
export const ALWAYS = ['name', 'status', 'created', 'duration'];

/** What is shown before anyone chose: what tells the runs apart, and how they did. */
export function defaultFields(infos: readonly FieldInfo[]): string[] {
  const metrics = infos.filter((one) => one.kind === 'metric' && !one.key.startsWith('system/'));
  const order = (a: FieldInfo, b: FieldInfo) => weight(b) - weight(a);
  const aims = metrics.filter((one) => one.goal).sort(order);
  const rest = metrics.filter((one) => !one.goal).sort(order);
  const shown = aims.length ? aims.slice(0, 4) : rest.slice(0, 3);
  const params = infos
    .filter((one) => one.kind === 'param' && one.distinct > 1 && !isDigest(one.key))
    .sort((a, b) => depth(a) - depth(b) || b.runs - a.runs);
  const users = infos.find((one) => one.field === 'user');
  return [
    'status',
    'created',
    'duration',
    ...shown.map((one) => fieldOf('metric', one.key, one.goal ? 'best' : undefined)),
    ...params.slice(0, 7).map((one) => one.field),
    ...(users && users.distinct > 1 ? ['user'] : []),
  ];
}

/** What was measured on data held back says more than what was trained on. */
const weight = (one: FieldInfo) =>
  one.runs * (/^(val|valid|validation|eval|test|dev)\b/i.test(one.key) ? 3 : 1);

/** `lr` and `optim.lr` tell more than `input.x.dtype`: what lies deep comes after them. */
export const depth = (one: FieldInfo) => Math.max(0, one.key.split('.').length - 2);

/** A digest says which, but nothing to a reader. */
export const isDigest = (key: string) => /(^|[._])(sha256|md5|digest|hash)$/i.test(key);

/** Below /api/v1, letter by letter what the client asks. */
export const fieldsPath = (project: string): string =>
  `/projects/fields?${new URLSearchParams({ project })}`;

export function tablePath(project: string, columns: readonly string[]): string {
  const query = new URLSearchParams({ project, order: '-created' });
  for (const field of new Set([...ALWAYS, ...columns])) query.append('fields', field);
  query.append('limit', String(FIRST_ROWS));
  return `/runs/table?${query}`;
}

/** Answers that were asked for before the client was there, by address. */
export type Early = Map<string, Promise<Response>>;

declare global {
  interface Window {
    notabeneEarly?: Early;
  }
}
