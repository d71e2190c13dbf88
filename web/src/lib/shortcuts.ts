/**
 * Keys, in one registry: each page says what it listens to, `?` lists them all.
 * A key is 'x', 'Shift+X', 'Mod+k' (Ctrl, or Cmd on a Mac), 'Escape', or two in a row: 'g r'.
 */

export interface Shortcut {
  keys: string;
  /** What it does, for the sheet: 'select the row'. */
  does: string;
  /** Heading in the sheet. */
  area: string;
  run: (event: KeyboardEvent) => unknown;
  /** Also while typing in a field or in a dialog (only for Mod+… and Escape). */
  typing?: boolean;
}

const PAUSE = 1000;
const MAC = typeof navigator !== 'undefined' && /Mac|iP(hone|ad)/.test(navigator.platform);

export function keyOf(event: KeyboardEvent): string {
  const mod = MAC ? event.metaKey : event.ctrlKey;
  let key = event.key.length === 1 && !event.shiftKey ? event.key.toLowerCase() : event.key;
  if (mod && key.length === 1) key = key.toLowerCase();
  const named = key.length > 1 && event.shiftKey ? `Shift+${key}` : key;
  const alt = event.altKey ? 'Alt+' : '';
  return `${mod ? 'Mod+' : ''}${alt}${named === ' ' ? 'Space' : named}`;
}

/** 'Mod+k' -> ['Ctrl', 'K'] or ['⌘', 'K'], for showing. */
export function keyNames(keys: string): string[] {
  return keys
    .split(/[+ ]/)
    .filter(Boolean)
    .map((key) => {
      if (key === 'Mod') return MAC ? '⌘' : 'Ctrl';
      if (key === 'Escape') return 'Esc';
      return ARROWS[key] ?? key;
    });
}

const ARROWS: Record<string, string> = {
  ArrowUp: '↑',
  ArrowDown: '↓',
  ArrowLeft: '←',
  ArrowRight: '→',
};

const typedInto = (target: EventTarget | null): boolean => {
  const element = target as HTMLElement | null;
  if (!element?.closest) return false;
  return Boolean(
    element.closest(
      'input:not([type=checkbox], [type=range], [type=radio]), textarea, select, [contenteditable=true]',
    ),
  );
};

export class Shortcuts {
  private known: Shortcut[] = [];
  private listeners = new Set<() => void>();
  private first = '';
  private since = 0;

  /** The later registered wins; returns how to take them off again. */
  add(shortcuts: Shortcut[]): () => void {
    this.set([...this.known, ...shortcuts]);
    return () => this.set(this.known.filter((known) => !shortcuts.includes(known)));
  }

  /** Called when keys came or went; returns how to stop. */
  listen(call: () => void): () => void {
    this.listeners.add(call);
    return () => this.listeners.delete(call);
  }

  private set(known: Shortcut[]): void {
    this.known = known;
    for (const call of this.listeners) call();
  }

  /** All, by area, in the order of registration. */
  get all(): Map<string, Shortcut[]> {
    const areas = new Map<string, Shortcut[]>();
    for (const shortcut of this.known) {
      areas.set(shortcut.area, [...(areas.get(shortcut.area) ?? []), shortcut]);
    }
    return areas;
  }

  /** True where a shortcut took the key. */
  press(event: KeyboardEvent, now = Date.now()): boolean {
    if (event.defaultPrevented || event.isComposing) return false;
    const typing = typedInto(event.target) || document.querySelector('dialog:modal') !== null;
    const key = keyOf(event);
    const pair = this.first && now - this.since < PAUSE ? `${this.first} ${key}` : '';
    this.first = '';
    const found = (pair && this.find(pair, typing)) || this.find(key, typing);
    if (found) {
      event.preventDefault();
      found.run(event);
      return true;
    }
    if (!typing && this.known.some((known) => known.keys.startsWith(`${key} `))) {
      [this.first, this.since] = [key, now];
    }
    return false;
  }

  private find(keys: string, typing: boolean): Shortcut | undefined {
    return this.known.findLast((known) => known.keys === keys && (!typing || known.typing));
  }
}

export const shortcuts = new Shortcuts();
