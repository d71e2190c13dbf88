/**
 * The colour of a run: eight colours and four dashes, told apart by all kinds of eyes. The server
 * gives each run a slot 0..31 once; colour = slot mod 8, dash = slot div 8.
 */

export const LIGHT = [
  '#1256d7', '#5f8afa', '#341f7a', '#b43886', '#f75c97', '#56162f', '#6d520c', '#948206',
] as const; // prettier-ignore
export const DARK = [
  '#aad8fb', '#5db2fb', '#6578e3', '#d64a90', '#f886a7', '#dac445', '#eff2b4', '#8f972a',
] as const; // prettier-ignore

/** Dash patterns in CSS px: solid, dashed, dotted, dash-dot. */
export const DASHES: readonly (readonly number[])[] = [[], [6, 3], [2, 3], [8, 3, 2, 3]];
export const DASH_NAMES = ['solid', 'dashed', 'dotted', 'dash-dot'] as const;

export interface Look {
  colour: string;
  dash: readonly number[];
}

const wrap = (slot: number) => ((Math.trunc(slot) % 32) + 32) % 32;

export function look(slot: number, dark: boolean): Look {
  const place = wrap(slot);
  return {
    colour: (dark ? DARK : LIGHT)[place % 8] as string,
    dash: DASHES[Math.floor(place / 8)] as readonly number[],
  };
}

/** Slot of something that has none from the server (a group): the same for the same name. */
export function slotOf(name: string): number {
  let hash = 2166136261;
  for (let i = 0; i < name.length; i++) {
    hash = Math.imul(hash ^ name.charCodeAt(i), 16777619);
  }
  return (hash >>> 0) % 32;
}

/** Slots for a set of groups: by name, but no two alike as long as there are free ones. */
export function groupSlots(names: readonly string[]): Map<string, number> {
  const out = new Map<string, number>();
  const taken = new Set<number>();
  for (const name of [...names].sort()) {
    let slot = slotOf(name) % 8;
    for (let i = 0; i < 32 && taken.has(slot); i++) slot = (slot + 1) % 32;
    taken.add(slot);
    out.set(name, slot);
  }
  return out;
}

/** `#rrggbb` with an opacity, for canvas. */
export function fade(colour: string, opacity: number): string {
  const byte = Math.round(Math.min(1, Math.max(0, opacity)) * 255);
  return colour + byte.toString(16).padStart(2, '0');
}
