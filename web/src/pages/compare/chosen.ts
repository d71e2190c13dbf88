/** Which runs are compared, in order, and which of them is the reference. */

export const MOST = 50;

export interface Chosen {
  runs: string[];
  ref: string;
}

/** As the address has it, put right: no run twice, not too many, a reference that is one of them. */
export function readChosen(runs: readonly string[], ref: string): Chosen {
  const all = [...new Set([...(ref && !runs.includes(ref) ? [ref] : []), ...runs])].slice(0, MOST);
  return { runs: all, ref: all.includes(ref) ? ref : (all[0] ?? '') };
}

/** The reference stands first, the others in their order. */
export function inOrder({ runs, ref }: Chosen): string[] {
  return ref ? [ref, ...runs.filter((run) => run !== ref)] : [...runs];
}

export function add(chosen: Chosen, run: string): Chosen {
  return readChosen([...chosen.runs, run], chosen.ref);
}

export function remove(chosen: Chosen, run: string): Chosen {
  const runs = chosen.runs.filter((one) => one !== run);
  return readChosen(runs, chosen.ref === run ? '' : chosen.ref);
}
