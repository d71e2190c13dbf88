/** Which rows and columns of a large table are in view. Plain arithmetic: rows are equally high. */

export interface Span {
  first: number;
  /** One past the last. */
  end: number;
}

export function rowWindow(
  top: number,
  height: number,
  rowHeight: number,
  count: number,
  more = 6,
): Span {
  const first = Math.max(0, Math.floor(top / rowHeight) - more);
  const end = Math.min(count, Math.ceil((top + height) / rowHeight) + more);
  return { first: Math.min(first, end), end };
}

/** Left edges of columns, and the whole width at the end. */
export function offsetsOf(widths: readonly number[]): number[] {
  const out = [0];
  for (const width of widths) out.push((out.at(-1) ?? 0) + width);
  return out;
}

export function columnWindow(
  offsets: readonly number[],
  left: number,
  width: number,
  more = 1,
): Span {
  const count = offsets.length - 1;
  let first = 0;
  while (first < count && (offsets[first + 1] ?? 0) <= left) first += 1;
  let end = first;
  while (end < count && (offsets[end] ?? 0) < left + width) end += 1;
  return { first: Math.max(0, first - more), end: Math.min(count, end + more) };
}

/**
 * Index shown by each of `pool` recycled elements: those of the window, each in the element it was
 * in before the window moved. -1 for elements not needed.
 */
export function recycled(span: Span, pool: number): number[] {
  const out = Array.from({ length: pool }, () => -1);
  for (let i = span.first; i < span.end; i++) out[i % pool] = i;
  return out;
}
