/**
 * Size of an element's content, as it changes: `{@attach size((width, height) => …)}`. One observer
 * for all; nothing is read while the page is being built, which would lay it out again each time.
 */
import type { Attachment } from 'svelte/attachments';

const calls = new WeakMap<Element, (width: number, height: number) => void>();
let observer: ResizeObserver | undefined;

function watch(): ResizeObserver {
  observer ??= new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) {
      calls.get(target)?.(contentRect.width, contentRect.height);
    }
  });
  return observer;
}

export function size(call: (width: number, height: number) => void): Attachment {
  return (element) => {
    calls.set(element, call);
    watch().observe(element);
    return () => {
      watch().unobserve(element);
      calls.delete(element);
    };
  };
}
