/** One function per route that more than one page uses. Others call get() and write() themselves. */
import { decodeSeries, type SeriesFrame } from '../lib/series';
import { bytes, get, write, type Options, type Query } from './client';
import type * as T from './types';

type Opt = Pick<Options, 'signal'>;

export interface RunsQuery {
  project?: string;
  where?: string;
  order?: string;
  limit?: number;
  offset?: number;
  archived?: boolean;
  deleted?: boolean;
  ids?: string;
}

export const server = (o?: Opt) => get<T.ServerInfo>('/server', o);
export const projects = (o?: Opt) =>
  get<T.List<T.Project>>('/projects', { ...o, query: { limit: 1000 } });
export const fields = (query: { project: string; where?: string; archived?: boolean }, o?: Opt) =>
  get<{ items: T.FieldInfo[] }>('/projects/fields', { ...o, query });
export const complete = (
  query: { text: string; cursor: number; project: string; what?: 'where' | 'order' },
  o?: Opt,
) => get<T.Completion>('/complete', { ...o, query });

export const runs = (query: RunsQuery, o?: Opt) =>
  get<T.List<T.RunInfo>>('/runs', { ...o, query: { ...query } });
export const runsTable = (query: RunsQuery & { fields: string[]; constant?: boolean }, o?: Opt) =>
  get<T.RunsTable>('/runs/table', { ...o, query: { ...query } });
export const events = (runs: readonly string[], o?: Opt) =>
  get<T.List<T.ChartEvent>>('/runs/events', { ...o, query: { ids: runs.join(',') } });
export const run = (id: string, o?: Opt) => get<T.RunDetail>(`/runs/${id}`, o);

export const bulk = (body: {
  runs: string[];
  action: T.BulkAction;
  tags?: Record<string, string>;
  group?: string;
}) => write<T.BulkResult>('POST', '/runs/bulk', body);

export const values = (
  id: string,
  query: { key?: string; step?: number; limit?: number; offset?: number } = {},
  o?: Opt,
) => get<T.List<T.LoggedValue>>(`/runs/${id}/values`, { ...o, query });
export const valueKeys = (id: string, o?: Opt) => get<T.List<T.LoggedKey>>(`/runs/${id}/values`, o);

/** Series are work for one processor of the server: many at once only wait for each other. */
const SERIES_AT_ONCE = 2;
let drawing = 0;
const queue: (() => void)[] = [];

export async function series(body: T.SeriesRequest, o?: Opt): Promise<SeriesFrame> {
  if (drawing >= SERIES_AT_ONCE) await new Promise<void>((go) => queue.push(go));
  else drawing += 1;
  try {
    o?.signal?.throwIfAborted();
    return decodeSeries(await bytes('/series', body, o));
  } finally {
    const next = queue.shift();
    if (next) next();
    else drawing -= 1;
  }
}

/** What the runs around a run, or around content, read and wrote. */
export const flows = (query: Query, o?: Opt) => get<T.Flows>('/lineage/content', { ...o, query });
export const check = (id: string, o?: Opt) => get<T.RunCheck>(`/runs/${id}/check`, o);

export const search = (query: { q: string; project?: string; limit?: number }, o?: Opt) =>
  get<T.List<T.SearchHit>>('/search', { ...o, query });

export const views = (project: string, o?: Opt) =>
  get<T.List<T.View>>('/views', { ...o, query: { project } });
export const view = (id: string, o?: Opt) => get<T.View>(`/views/${id}`, o);
export const saveView = (body: { project: string; name: string; page: string; state: string }) =>
  write<T.View>('POST', '/views', body);
