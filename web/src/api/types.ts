/**
 * What the server answers with. By hand, from the contract and model/entities.py, until
 * openapi.json is there; then these are names for the generated types.
 */

/** A number as JSON has it: NaN and the infinities are words. `num()` reads it. */
export type Num = number | 'NaN' | 'Infinity' | '-Infinity';
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Status = 'running' | 'finished' | 'failed' | 'stopped' | 'killed' | 'lost';
export type Verdict = 'supported' | 'refuted' | 'unclear';
export type Goal = '' | 'min' | 'max';

export interface List<T> {
  items: T[];
  total: number;
  limit: number;
  offset: number;
}

export interface ServerInfo {
  version: string;
  store: string;
  user: string;
  host: string;
  started: number;
  base_path: string;
  python: string;
  token: boolean;
  home: string;
  now: number;
}

export interface Headline {
  key: string;
  goal: Goal;
  value: Num;
  run: string;
  run_name: string;
}

export interface Project {
  name: string;
  runs: number;
  running: number;
  created: number;
  updated: number;
  failed_recent: number;
  activity: number[];
  headline: Headline | null;
}

export interface MetricSummary {
  key: string;
  n: number;
  last: Num;
  last_step: number;
  last_time: number;
  min: Num;
  min_step: number;
  max: Num;
  max_step: number;
  mean: Num;
  first: Num;
  first_step: number;
  nan: number;
  posinf: number;
  neginf: number;
  goal: Goal;
  unit: string;
  x: string;
  summary: string;
}

export interface Note {
  id: string;
  text: string;
  author: string;
  time: number;
  run: string;
  project: string;
}

export interface Conclusion {
  text: string;
  verdict: Verdict | '';
  author: string;
  time: number;
}

export interface Alert {
  id: string;
  title: string;
  text: string;
  level: string;
  time: number;
}

export interface Health {
  code: string;
  message: string;
  count: number;
  time: number;
}

export interface ArtifactEdge {
  run: string;
  direction: 'input' | 'output';
  name: string;
  version: number;
  digest: string;
  time: number;
  role: string;
}

export interface RunInfo {
  id: string;
  project: string;
  name: string;
  status: Status;
  created: number;
  started: number;
  ended: number;
  updated: number;
  duration: number;
  user: string;
  host: string;
  group: string;
  parent: string;
  source: string;
  hypothesis: string;
  conclusion: Conclusion | null;
  tags: Record<string, string>;
  params: Record<string, Json>;
  metrics: Record<string, MetricSummary>;
  summary: Record<string, Json>;
  facts: Record<string, Json>;
  notes: Note[];
  alerts: Alert[];
  health: Health[];
  artifacts: ArtifactEdge[];
  exit_code: number | null;
  reason: string;
  traceback: string;
  last_lines: string;
  points: number;
  ranks: number;
  archived: boolean;
  deleted: boolean;
  cost_cpu: number;
}

export interface RunDetail extends RunInfo {
  slot: number;
  number: number;
  config: { [key: string]: Json };
}

export type FieldKind = 'attribute' | 'param' | 'metric' | 'tag' | 'summary' | 'fact';

export interface FieldInfo {
  field: string;
  kind: FieldKind;
  key: string;
  type: string;
  runs: number;
  distinct: number;
  sample: { value: Json; count: number }[];
  goal?: Goal;
  unit?: string;
}

export interface TableColumn {
  field: string;
  kind: FieldKind;
  type: string;
  values: Json[];
}

export interface RunsTable {
  total: number;
  total_all: number;
  offset: number;
  ids: string[];
  slots: number[];
  statuses: Status[];
  columns: TableColumn[];
  constant?: { field: string; value: Json }[];
}

export interface Completion {
  suggestions: { text: string; start: number; doc: string }[];
  error: null | { message: string; hint: string; position: number };
}

export interface LoggedValue {
  run: string;
  key: string;
  step: number;
  time: number;
  rank: number;
  kind: string;
  value: { [key: string]: Json };
}

export interface LoggedKey {
  key: string;
  kind: string;
  count: number;
  first_step: number;
  last_step: number;
}

export interface ArtifactVersion {
  name: string;
  version: number;
  type: string;
  digest: string;
  size: number;
  files: number;
  created: number;
  run: string;
  aliases: string[];
  metadata: Record<string, Json>;
  description: string;
  deleted: boolean;
}

export interface ArtifactItem {
  name: string;
  type: string;
  versions: number;
  size: number;
  updated: number;
  latest: ArtifactVersion;
}

export interface Change {
  kind: 'run' | 'project' | 'artifact';
  id: string;
  version: number;
}

export interface Changes {
  cursor: string;
  reload: boolean;
  changes: Change[];
}

export interface View {
  id: string;
  project: string;
  name: string;
  page: string;
  state: string;
  author: string;
  created: number;
}

export interface SearchHit {
  kind: 'run' | 'project' | 'metric' | 'param' | 'tag' | 'artifact' | 'note';
  id: string;
  title: string;
  subtitle: string;
  project: string;
  run: string;
}

export interface BulkResult {
  done: string[];
  failed: { run: string; error: { code: string; message: string; hint: string } }[];
}

export type BulkAction =
  'tag' | 'untag' | 'archive' | 'unarchive' | 'delete' | 'restore' | 'stop' | 'group';

export type XAxis = 'step' | 'time' | 'relative' | (string & {});
export type Stat = 'min' | 'max' | 'last' | 'mean' | 'count' | 'smooth';
export type Smoothing =
  null | { kind: 'ema'; weight: number } | { kind: 'mean' | 'median'; window: number };

export interface SeriesRequest {
  runs: string[];
  keys: string[];
  x: XAxis;
  low?: number | null;
  high?: number | null;
  buckets: number;
  /** Width of the buckets of an earlier answer, for a tick. */
  width?: number | null;
  stats: Stat[];
  smoothing?: Smoothing;
  ranks?: 'first' | 'all' | number;
  exact?: boolean;
}

/** The server's form of an error. */
export interface ErrorBody {
  code: string;
  message: string;
  hint: string;
  [extra: string]: unknown;
}
