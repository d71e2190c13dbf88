/** Routes that only the run page asks. */
import { apiUrl, get, text, write, type Query } from '../../api/client';
import type {
  Json,
  List,
  LoggedKey,
  LoggedValue,
  Note,
  RunInfo,
  RunRecord,
  RunsTable,
} from '../../api/types';
import type { RunList } from '../../lib/runlist';
import type { Edge, Node } from './logic/lineage';
import { blobQuery, type BlobRef } from './logic/media';
import { neighboursOf, type Neighbour } from './logic/neighbours';
import { seekTime, type Mark } from './logic/pages';

type Signal = { signal?: AbortSignal };

export type Captured = Record<string, { [key: string]: Json }>;
export const captured = (id: string, o?: Signal) => get<Captured>(`/runs/${id}/captured`, o);

export const record = (id: string, o?: Signal) => get<RunRecord>(`/runs/${id}/record`, o);

export const lineage = (ref: string, o?: Signal) =>
  get<{ nodes: Node[]; edges: Edge[] }>('/lineage', { ...o, query: { ref } });

export interface NeighbourList {
  runs: Neighbour[];
  total: number;
  /** All runs of the project, not only what a search found. */
  all: boolean;
}

const FEW = 2000;
const MOST = 20_000;

/** Ids, names and looks of the runs, in the order in which the table showed them. */
export async function neighbourList(
  list: RunList,
  run: string,
  signal: AbortSignal,
): Promise<NeighbourList> {
  const { group, ...search } = list;
  const ask = (limit: number) =>
    get<RunsTable>('/runs/table', {
      signal,
      query: { ...search, fields: ['name', ...group], limit },
    });
  let table = await ask(group.length ? MOST : FEW);
  // where the run is farther down, all are wanted: the next one is asked for by a key
  if (run && !table.ids.includes(run) && table.total > table.ids.length) table = await ask(MOST);
  return { runs: neighboursOf(table, group), total: table.total, all: list.where === '' };
}

export interface RunChange {
  name?: string;
  group?: string;
  project?: string;
  archived?: boolean;
  hypothesis?: string;
  conclusion?: { text: string; verdict: string };
}

export const change = (id: string, body: RunChange) => write<RunInfo>('PATCH', `/runs/${id}`, body);
export const stop = (id: string) => write<RunInfo>('POST', `/runs/${id}/stop`);
export const remove = (id: string, force: boolean) =>
  write<RunInfo>('DELETE', `/runs/${id}`, undefined, { query: { force } });
export const restore = (id: string) => write<RunInfo>('POST', `/runs/${id}/restore`);
export const tags = (id: string, body: { set?: Record<string, string>; removed?: string[] }) =>
  write<RunInfo>('POST', `/runs/${id}/tags`, body);
export const addNote = (id: string, words: string) =>
  write<Note>('POST', `/runs/${id}/notes`, { text: words });
export const changeNote = (id: string, note: string, words: string) =>
  write<Note>('PUT', `/runs/${id}/notes/${note}`, { text: words });
export const removeNote = (id: string, note: string) =>
  write<RunInfo>('DELETE', `/runs/${id}/notes/${note}`);

export interface ConsoleLine {
  n: number;
  time: number;
  /** o: stdout, e: stderr, n: a remark of notabene. */
  stream: string;
  text: string;
}

export interface ConsolePage {
  total: number;
  lines: ConsoleLine[];
  matches: number;
  ranks: number[];
  dropped: number;
  offset?: number;
}

export const consolePage = (id: string, query: Query, o?: Signal) =>
  get<ConsolePage>(`/runs/${id}/console`, { ...o, query });

export interface TablePage {
  columns: { name: string; type: string }[];
  rows: number;
  offset: number;
  cells: Json[][];
  pack: BlobRef | null;
}

export const tablePage = (id: string, query: Query, o?: Signal) =>
  get<TablePage>(`/runs/${id}/table`, { ...o, query });

/** What was logged besides numbers, by key. */
export async function valueKeys(id: string, o?: Signal): Promise<LoggedKey[]> {
  const items: LoggedKey[] = [];
  for (;;) {
    const query = { limit: 1000, offset: items.length };
    const page = await get<List<LoggedKey>>(`/runs/${id}/values`, { ...o, query });
    items.push(...page.items);
    if (items.length >= page.total || !page.items.length) return items;
  }
}

const MOST_VALUES = 5000;

/** All values of a key, up to a number; `total` says how many there are. */
export async function allValues(id: string, key: string, o?: Signal) {
  const items: LoggedValue[] = [];
  for (;;) {
    const query = { key, limit: 1000, offset: items.length };
    const page = await get<List<LoggedValue>>(`/runs/${id}/values`, { ...o, query });
    items.push(...page.items);
    const all = items.length >= Math.min(page.total, MOST_VALUES);
    if (all || !page.items.length) return { items, total: page.total };
  }
}

interface HistoryDocument {
  series: { key: string; steps: number[]; times: number[]; values: number[] }[];
}

export const history = (id: string, query: Query, o?: Signal) =>
  get<HistoryDocument>(`/runs/${id}/history`, { ...o, query });

/** Address of the bytes of a value. */
export function blobUrl(blob: BlobRef, pack: BlobRef | null = null, name = ''): string {
  const { path, query } = blobQuery(blob, pack, name);
  return apiUrl(path, query);
}

export function blobText(blob: BlobRef, pack: BlobRef | null = null, o?: Signal): Promise<string> {
  const { path, query } = blobQuery(blob, pack);
  return text(path, { ...o, query });
}

/** Bytes that a value does not name, but a record does by digest: files of the code. */
export const digestText = (digest: string, o?: Signal) => text(`/blobs/${digest}`, o);

const marks = new Map<string, Mark[]>();

/** Number of the first line printed at a time or later; all of them, where none was. */
export async function lineAtTime(id: string, time: number, signal: AbortSignal): Promise<number> {
  const read = (offset: number) => consolePage(id, { offset, limit: 100 }, { signal });
  const { total } = await consolePage(id, { limit: 1 }, { signal });
  let known = marks.get(id);
  if (!known || known.length > 5000) marks.set(id, (known = []));
  return seekTime(time, total, known, async (offset) => (await read(offset)).lines);
}
