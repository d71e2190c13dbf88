/** Where something that floats beside its anchor goes: below, else above; kept in the window. */

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export interface Size {
  width: number;
  height: number;
}

export function place(
  anchor: Box,
  size: Size,
  view: Size,
  align: 'start' | 'end' = 'start',
  gap = 4,
): { left: number; top: number; room: number } {
  const edge = 8;
  const below = view.height - anchor.bottom - gap - edge;
  const above = anchor.top - gap - edge;
  const under = size.height <= below || below >= above;
  const room = Math.max(80, under ? below : above);
  const height = Math.min(size.height, room);
  const top = under ? anchor.bottom + gap : anchor.top - gap - height;
  const wanted = align === 'end' ? anchor.right - size.width : anchor.left;
  const left = Math.max(edge, Math.min(wanted, view.width - size.width - edge));
  return { left, top, room };
}

/** Puts a shown element beside its anchor. */
export function floatAt(element: HTMLElement, anchor: Element, align?: 'start' | 'end'): void {
  element.style.maxHeight = '';
  const box = anchor.getBoundingClientRect();
  const size = { width: element.offsetWidth, height: element.offsetHeight };
  const view = { width: innerWidth, height: innerHeight };
  const at = place(box, size, view, align);
  element.style.left = `${at.left}px`;
  element.style.top = `${at.top}px`;
  element.style.maxHeight = `${at.room}px`;
}
