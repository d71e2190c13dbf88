/** The colour of a run as lists give it: by its number in the project. */
import type { RunInfo } from '../../api/types';
import { slotOf } from '../../lib/colour';

export function slotOfRun(run: RunInfo & { slot?: number; number?: number }): number {
  if (run.slot !== undefined) return run.slot;
  return run.number ? (run.number - 1) % 32 : slotOf(run.id);
}
