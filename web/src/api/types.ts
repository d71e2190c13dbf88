/**
 * What the server answers with: names for the types that are made from openapi.json by
 * `npm run api` (never edit generated/). Where JSON or OpenAPI says less than is known, the part is
 * said more exactly here; a part that the server no longer has does not compile.
 */
import type { components } from './generated/schema';

type S = components['schemas'];
type PartsOf<T, U> = { [K in keyof U]: K extends keyof T ? unknown : never };
type With<T, U extends PartsOf<T, U>> = Omit<T, keyof U> & U;

/** A number as JSON has it: NaN and the infinities are words. `num()` reads it. */
export type Num = S['Number'];
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Mapping = { [key: string]: Json };

export interface List<T> {
  items: T[];
  total: number;
  limit: number;
  offset: number;
}

export type Status = S['RunInfo']['status'];
export type Goal = S['MetricSummary']['goal'];
export type Verdict = Exclude<S['NewConclusion']['verdict'], ''>;

export type ServerInfo = S['Server'];
export type Headline = With<S['Headline'], { goal: Goal }>;
export type Project = With<S['ProjectCard'], { headline: Headline | null }>;
export type MetricSummary = S['MetricSummary'];
export type Note = S['Note'];
export type Conclusion = With<S['Conclusion'], { verdict: Verdict | '' }>;
export type Alert = S['Alert'];
export type Health = S['Health'];
export type ArtifactEdge = S['ArtifactEdge'];

interface RunParts {
  duration: number;
  cost_cpu: number;
  conclusion: Conclusion | null;
  tags: Record<string, string>;
  params: Record<string, Json>;
  metrics: Record<string, MetricSummary>;
  summary: Record<string, Json>;
  facts: Record<string, Json>;
}
export type RunInfo = With<S['RunInfo'], RunParts>;
export type RunDetail = With<S['RunDocument'], RunParts & { config: Mapping }>;

export type FieldKind = 'attribute' | 'param' | 'metric' | 'tag' | 'summary' | 'fact';
export type FieldInfo = With<
  S['FieldCard'],
  { kind: FieldKind; goal: Goal; sample: { value: Json; count: number }[] }
>;

export type TableColumn = With<S['TableColumn'], { kind: FieldKind; values: Json[] }>;
export type RunsTable = With<
  S['RunTable'],
  { statuses: Status[]; columns: TableColumn[]; constant: { field: string; value: Json }[] }
>;

export type Completion = S['Completion'];
export type LoggedValue = With<S['LoggedValue'], { value: Mapping }>;
export type LoggedKey = S['ValueKey'];

export type ArtifactVersion = With<S['ArtifactVersion'], { metadata: Mapping }>;
export type ArtifactItem = With<S['ArtifactCard'], { latest: ArtifactVersion }>;

export type Change = S['Change'];
export type Changes = S['ChangeSet'];
export type View = S['View'];
export type ChartEvent = S['Event'];
export type DiaryPage = S['DiaryPage'];
export type SearchHit = S['Hit'];

export type RunRecord = S['Record'];
export type RunCheck = S['Check'];
export type CheckFinding = S['Finding'];
export type Diff = S['Diff'];
export type DiffItem = With<S['Item'], { a: Json; b: Json }>;
export type Parting = S['Parting'];
export type SourceDiff = S['SourceDiff'];
export type SourceText = S['SourceText'];
export type Why = S['Why'];
export type Cause = With<S['WhyCause'], { a: Json; b: Json }>;
export type Repeat = S['Group'];
export type Waste = S['Waste'];
export type Failures = S['WasteCause'];
export type Flows = S['Flows'];

export type BulkAction = S['Bulk']['action'];
export type BulkResult = With<
  S['Done'],
  { failed: { run: string; error: { code: string; message: string; hint: string } }[] }
>;

export type XAxis = 'step' | 'time' | 'relative' | (string & {});
/** `smooth` is there where smoothing was asked for. */
export type Stat = S['SeriesQuestion']['stats'][number] | 'smooth';
export type Smoothing =
  null | { kind: 'ema'; weight: number } | { kind: 'mean' | 'median'; window: number };
type Question = S['SeriesQuestion'];
export type SeriesRequest = With<
  Pick<Question, 'runs' | 'keys'> & Partial<Question>,
  { x: XAxis; buckets: number; stats: Stat[]; smoothing?: Smoothing }
>;

/** The server's form of an error. */
export type ErrorBody = S['Problem'] & { [extra: string]: unknown };
