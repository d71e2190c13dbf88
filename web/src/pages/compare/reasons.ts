/** What differs between two runs and why they came out differently, in words. No DOM. */
import type { Cause, DiffItem, Json, Parting } from '../../api/types';
import type { IconName } from '../../components/icons';
import { formatNumber, formatValue, num, plural } from '../../lib/format';

export const EXPLAINS: Record<string, { word: string; icon: IconName; look: string }> = {
  yes: { word: 'yes', icon: 'ok', look: 'strong' },
  unlikely: { word: 'unlikely', icon: 'lost', look: 'soft' },
  no: { word: 'no', icon: 'minus', look: 'soft' },
};

/** A side of a difference; digests are short already. */
export function sideText(value: Json): string {
  if (value === null || value === undefined) return '–';
  return formatValue(value) || "''";
}

const FEW = 24;

/** The same in few letters: digests by their beginning. */
export function shortSide(value: Json): string {
  const text = sideText(value);
  if (/^[0-9a-f]{16,}$/.test(text)) return text.slice(0, 12);
  return text.length > FEW ? `${text.slice(0, FEW - 1)}…` : text;
}

/** Files are named from the project's folder. */
export const itemText = (item: string) => item.replace(/^\.\//, '');

/** With a capital, where it does not begin with a name; files as people write them. */
export function sentence(answer: string): string {
  const plain = answer.replace(/(^|[ (])\.\//g, '$1');
  return /^(cannot|nothing|the) /.test(plain) ? plain[0]?.toUpperCase() + plain.slice(1) : plain;
}

export const split = (items: readonly DiffItem[]) => ({
  shown: items.filter((one) => one.explains !== 'no'),
  folded: items.filter((one) => one.explains === 'no'),
});

export interface Told {
  word: string;
  look: 'effect' | 'none' | 'open';
  pairs: string;
}

/** `+0.004 ± 0.002`, `no effect`, `cannot tell`. */
export function toldOf(cause: Cause): Told {
  const pairs = cause.pairs.length ? `in ${plural(cause.pairs.length, 'pair')} of runs` : '';
  if (cause.told === 'cannot-tell') return { word: 'cannot tell', look: 'open', pairs };
  if (cause.told === 'no-effect') return { word: 'no effect', look: 'none', pairs };
  const effect = num(cause.effect);
  const sign = effect > 0 ? '+' : '';
  const spread = cause.spread === null ? '' : ` ± ${formatNumber(num(cause.spread), 2)}`;
  return { word: `${sign}${formatNumber(effect, 3)}${spread}`, look: 'effect', pairs };
}

/** The first to part first; then those that are the same. */
export function partedOf(results: readonly Parting[]) {
  return {
    parted: results.filter((one) => one.first_divergent_step !== null),
    same: results.filter((one) => one.first_divergent_step === null),
  };
}

export function partingText(one: Parting): string {
  if (one.first_divergent_step === null) return `${plural(one.same, 'value')}, the same bits`;
  const step = `step ${formatNumber(one.first_divergent_step)}`;
  if (one.first_a === null || one.first_b === null) return `${step}: only one has a value there`;
  const digits = one.ulps > 0 && one.ulps < 1000 ? `, ${plural(one.ulps, 'bit step')} apart` : '';
  return `${step}: relative ${num(one.relative).toExponential(1).replace('-', '−')}${digits}`;
}

/** What would settle it by reruns. */
export const whyCommand = (a: string, b: string) => `notabene why ${a} ${b} --rerun`;

export function whySnippets(a: string, b: string) {
  return {
    python: [
      'from notabene import Api',
      '',
      'with Api() as api:',
      `    found = api.diff("${a}", "${b}")`,
      '    for one in found.differences:',
      '        print(one.explains, one.kind, one.item, one.a, one.b)',
      `    print(api.why("${a}", "${b}").answer)`,
    ].join('\n'),
    cli: `notabene diff ${a} ${b} --code\nnotabene why ${a} ${b}`,
  };
}
