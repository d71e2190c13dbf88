/** Tooltips: one element for the whole app, shown on hover and on keyboard focus. */
import type { Attachment } from 'svelte/attachments';
import { floatAt } from '../lib/float';
import { keyNames } from '../lib/shortcuts';

const DELAY = 400;
let box: HTMLElement | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

function show(anchor: Element, text: string, keys?: string): void {
  if (!anchor.isConnected || !text) return;
  box ??= Object.assign(document.createElement('div'), { className: 'tip', popover: 'manual' });
  box.setAttribute('role', 'tooltip');
  const names = keys ? keyNames(keys) : [];
  box.replaceChildren(text, ...names.map(kbd));
  const host = anchor.closest('dialog') ?? document.body;
  if (box.parentElement !== host) host.append(box);
  box.showPopover();
  floatAt(box, anchor);
}

function kbd(name: string): HTMLElement {
  return Object.assign(document.createElement('kbd'), { textContent: name });
}

function hide(): void {
  clearTimeout(timer);
  if (box?.matches(':popover-open')) box.hidePopover();
}

/** `{@attach tip('Edit columns', 'e')}` */
export function tip(text: string, keys?: string): Attachment {
  return (element) => {
    if (!text) return;
    const later = () => {
      clearTimeout(timer);
      timer = setTimeout(() => show(element, text, keys), DELAY);
    };
    const focus = () => {
      if (element.matches(':focus-visible')) later();
    };
    element.addEventListener('pointerenter', later);
    element.addEventListener('pointerleave', hide);
    element.addEventListener('pointerdown', hide);
    element.addEventListener('focus', focus);
    element.addEventListener('blur', hide);
    return () => {
      element.removeEventListener('pointerenter', later);
      element.removeEventListener('pointerleave', hide);
      element.removeEventListener('pointerdown', hide);
      element.removeEventListener('focus', focus);
      element.removeEventListener('blur', hide);
      hide();
    };
  };
}
