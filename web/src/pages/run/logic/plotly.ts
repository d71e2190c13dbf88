/** What a plotly figure holds, read from its JSON without plotly. */
import type { Json } from '../../../api/types';

export interface Figure {
  title: string;
  traces: { name: string; kind: string; points: number }[];
  /** What could not be read. */
  odd: string;
}

type Dict = { [key: string]: Json };
const isDict = (value: Json | undefined): value is Dict =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

export function readPlotly(text: string): Figure {
  let json: Json;
  try {
    json = JSON.parse(text) as Json;
  } catch {
    return { title: '', traces: [], odd: 'Its JSON cannot be read.' };
  }
  const data = isDict(json) && Array.isArray(json.data) ? json.data : [];
  const layout = isDict(json) && isDict(json.layout) ? json.layout : {};
  const { title } = layout;
  return {
    title: typeof title === 'string' ? title : isDict(title) ? String(title.text ?? '') : '',
    traces: data.filter(isDict).map((trace) => ({
      name: typeof trace.name === 'string' ? trace.name : '',
      kind: typeof trace.type === 'string' ? trace.type : 'scatter',
      points: Math.max(...['y', 'x', 'z', 'values', 'r'].map((axis) => lengthOf(trace[axis])), 0),
    })),
    odd: data.length ? '' : 'It has no traces.',
  };
}

const SIZES: Record<string, number> = { f8: 8, f4: 4, i4: 4, u4: 4, i2: 2, u2: 2, i1: 1, u1: 1 };

/** Points of an axis: a list, or numbers in base64 with their type. */
function lengthOf(axis: Json | undefined): number {
  if (Array.isArray(axis)) return axis.length;
  if (!isDict(axis) || typeof axis.bdata !== 'string') return 0;
  const bytes = (axis.bdata.length * 3) / 4 - (/=*$/.exec(axis.bdata)?.[0].length ?? 0);
  return Math.round(bytes / (SIZES[String(axis.dtype)] ?? 8));
}
