/** Names of fields as the query grammar writes them: `params.lr`, `metrics."val/acc".max`. */
import type { FieldKind } from '../api/types';

export const STATISTICS = ['last', 'best', 'min', 'max', 'mean', 'first', 'n'] as const;
export type Statistic = (typeof STATISTICS)[number];

const PLAIN = /^[A-Za-z0-9_\-./:@+]+$/;
const PREFIX: Record<FieldKind, string> = {
  attribute: '',
  param: 'params.',
  metric: 'metrics.',
  tag: 'tags.',
  summary: 'summary.',
  fact: 'facts.',
};
const KINDS: [string, FieldKind][] = [
  ['params.', 'param'],
  ['metrics.', 'metric'],
  ['tags.', 'tag'],
  ['summary.', 'summary'],
  ['facts.', 'fact'],
];
const FACTS = /^(git|code|env|host|gpu|process|launch)\./;

/** A key with quotes where the grammar needs them. */
export function quoteKey(key: string): string {
  return PLAIN.test(key) ? key : `"${key.replace(/"/g, '""')}"`;
}

export function fieldOf(kind: FieldKind, key: string, statistic?: Statistic): string {
  if (kind === 'attribute') return key;
  if (kind === 'metric') {
    // quoted whenever it holds a dot, so that no part of the key reads as a statistic
    const quoted = /[.]/.test(key) || !PLAIN.test(key) ? `"${key.replace(/"/g, '""')}"` : key;
    return `metrics.${quoted}${statistic && statistic !== 'last' ? `.${statistic}` : ''}`;
  }
  return PREFIX[kind] + quoteKey(key);
}

export interface FieldParts {
  kind: FieldKind;
  key: string;
  statistic?: Statistic;
}

/** The other way round. */
export function parseField(field: string): FieldParts {
  const [prefix, kind] = KINDS.find(([name]) => field.startsWith(name)) ?? ['', null];
  if (!kind) return { kind: FACTS.test(field) ? 'fact' : 'attribute', key: field };
  const { key, rest } = readKey(field.slice(prefix.length));
  if (kind !== 'metric') return { kind, key: key + rest };
  if (rest) {
    const statistic = STATISTICS.find((name) => rest === `.${name}`);
    return { kind, key, statistic: statistic ?? 'last' };
  }
  const found = STATISTICS.find((name) => key.endsWith(`.${name}`) && !field.endsWith('"'));
  if (!found) return { kind, key, statistic: 'last' };
  return { kind, key: key.slice(0, -found.length - 1), statistic: found };
}

function readKey(text: string): { key: string; rest: string } {
  const quote = text[0];
  if (quote !== '"' && quote !== '`') return { key: text, rest: '' };
  let key = '';
  let at = 1;
  for (; at < text.length; at += 1) {
    if (text[at] !== quote) key += text[at];
    else if (text[at + 1] === quote) key += text[(at += 1)];
    else break;
  }
  return { key, rest: text.slice(at + 1) };
}

/** What stands over a column: `val/acc`, `val/acc max`, `lr`. */
export function fieldLabel(field: string): string {
  const { key, statistic } = parseField(field);
  return statistic && statistic !== 'last' ? `${key} ${statistic}` : key;
}
