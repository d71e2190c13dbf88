/** How verdicts look: always an icon and a word. */
import type { Verdict } from '../../api/types';
import type { IconName } from '../../components/icons';

export interface VerdictLook {
  id: Verdict | '';
  label: string;
  icon: IconName | null;
  kind: 'ok' | 'error' | 'warn' | 'plain';
}

export const VERDICTS: readonly VerdictLook[] = [
  { id: 'supported', label: 'supported', icon: 'ok', kind: 'ok' },
  { id: 'refuted', label: 'refuted', icon: 'error', kind: 'error' },
  { id: 'unclear', label: 'unclear', icon: 'lost', kind: 'warn' },
  { id: '', label: 'no verdict', icon: null, kind: 'plain' },
];

export function verdictLook(verdict: string): VerdictLook | null {
  return VERDICTS.find((one) => one.id === verdict && one.id !== '') ?? null;
}
