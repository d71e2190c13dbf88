/** How a number differs from the reference's, as it is written. */
import type { Goal } from '../../api/types';
import { formatNumber, num } from '../../lib/format';
import type { Cell } from './rows';

export interface Delta {
  /** `+0.004`, `−12` */
  amount: string;
  /** `+0.4 %`, `×12`, or nothing where the reference is 0. */
  share: string;
  sense: 'better' | 'worse' | '';
}

const signed = (value: number, digits: number) =>
  (value > 0 ? '+' : '') + formatNumber(value, digits);

/** Null where there is nothing to say: no numbers, not finite, or alike. */
export function deltaOf(reference: Cell, value: Cell, goal: Goal = ''): Delta | null {
  if (typeof reference === 'boolean' || typeof value === 'boolean') return null;
  const [from, to] = [num(reference), num(value)];
  const by = to - from;
  if (!Number.isFinite(by) || by === 0) return null;
  let sense: Delta['sense'] = '';
  if (goal) sense = by > 0 === (goal === 'max') ? 'better' : 'worse';
  return { amount: signed(by, 3), share: shareOf(from, to), sense };
}

function shareOf(from: number, to: number): string {
  if (from === 0) return '';
  const factor = to / from;
  if (factor >= 10) return `×${formatNumber(factor, 3)}`;
  if (factor > 0 && factor <= 0.1) return `÷${formatNumber(1 / factor, 3)}`;
  const percent = ((to - from) / Math.abs(from)) * 100;
  if (Math.abs(percent) < 0.005) return '';
  return `${signed(percent, Math.abs(percent) < 100 ? 2 : 3)} %`;
}
