/** What runs differ in: rows by block, from what is known of each run. No DOM. */
import type { ArtifactEdge, Goal, Json, MetricSummary, RunInfo } from '../../api/types';
import { num } from '../../lib/format';

export const BLOCKS = [
  ['outcome', 'Outcome'],
  ['params', 'Params'],
  ['tags', 'Tags'],
  ['code', 'Code'],
  ['environment', 'Environment'],
  ['hardware', 'Hardware'],
  ['inputs', 'Data and inputs'],
  ['about', 'About the run'],
  ['system', 'Use of the machine'],
] as const;
export type BlockId = (typeof BLOCKS)[number][0];

/** How a value is written. */
export type Form = 'value' | 'time' | 'duration' | 'bytes' | 'status' | 'digest' | 'text';
export type Cell = Json | undefined;

export interface Row {
  id: string;
  block: BlockId;
  label: string;
  /** Behind the label: 'best', 'last'. */
  note: string;
  form: Form;
  /** One per run; undefined where the run has none. */
  cells: readonly Cell[];
  differs: boolean;
  goal: Goal;
  unit: string;
  /** Indices of the best values, where there is a goal and not all are alike. */
  best: readonly number[];
}

export interface Block {
  id: BlockId;
  title: string;
  rows: readonly Row[];
  differing: number;
}

/** What was captured of a run, as far as this page reads it. */
export interface Captured {
  packages: Record<string, string>;
  /** Digests of the files kept, by path. */
  files: Record<string, string>;
}

/** JSON with the keys of objects in order, so that equal values are equal texts. */
export function canonical(value: Cell): string {
  if (value === undefined) return '';
  return JSON.stringify(value, (_, part: unknown) =>
    part && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

export function equal(a: Cell, b: Cell): boolean {
  if (a === b) return true;
  // what is plain is equal by itself or not at all
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false;
  return canonical(a) === canonical(b);
}

export function differ(cells: readonly Cell[]): boolean {
  return cells.some((cell) => !equal(cell, cells[0]));
}

export function bestOf(cells: readonly Cell[], goal: Goal): number[] {
  if (!goal) return [];
  const values = cells.map((cell) => num(cell));
  const finite = values.filter(Number.isFinite);
  const top = goal === 'min' ? Math.min(...finite) : Math.max(...finite);
  if (finite.length < 2 || finite.every((value) => value === top)) return [];
  return values.flatMap((value, i) => (value === top ? [i] : []));
}

type Given = Partial<Pick<Row, 'note' | 'form' | 'goal' | 'unit'>>;

function row(block: BlockId, label: string, cells: readonly Cell[], given: Given = {}): Row {
  const { note = '', form = 'value', goal = '', unit = '' } = given;
  return {
    id: `${block} ${label} ${note}`,
    block,
    label,
    note,
    form,
    cells,
    differs: differ(cells),
    goal,
    unit,
    best: bestOf(cells, goal),
  };
}

/** All blocks, those without any row left out. `captured` by run id, as far as it is there. */
export function blocksOf(
  runs: readonly RunInfo[],
  captured: ReadonlyMap<string, Captured> = new Map(),
): Block[] {
  const known = runs.map((run) => captured.get(run.id));
  const rows = [
    ...outcome(runs),
    ...keyed('params', runs, (run) => run.params),
    ...keyed('tags', runs, (run) => run.tags, 'text'),
    ...code(runs, known),
    ...environment(runs, known),
    ...facts('hardware', runs, /^(host\.(cpu|cpus|memory)|gpu\..*)$/),
    ...inputs(runs),
    ...about(runs),
    ...metrics('system', runs, (key) => key.startsWith('system/')),
  ];
  return BLOCKS.map(([id, title]) => {
    const own = rows.filter((one) => one.block === id && one.cells.some((x) => x !== undefined));
    return { id, title, rows: own, differing: own.filter((one) => one.differs).length };
  }).filter((block) => block.rows.length);
}

function union(runs: readonly RunInfo[], of: (run: RunInfo) => object): string[] {
  return [...new Set(runs.flatMap((run) => Object.keys(of(run))))].sort();
}

function keyed(
  block: BlockId,
  runs: readonly RunInfo[],
  of: (run: RunInfo) => Record<string, Json>,
  form: Form = 'value',
): Row[] {
  return union(runs, of).map(
    (key) =>
    row(block, key, runs.map((run) => of(run)[key]), { form }), // prettier-ignore
  );
}

// -- blocks -------------------------------------------------------------------------------------

function outcome(runs: readonly RunInfo[]): Row[] {
  const given = union(runs, (run) => run.summary).filter(
    (key) => !runs.some((run) => key in run.metrics),
  );
  return [
    row('outcome', 'status', runs.map((run) => run.status), { form: 'status' }), // prettier-ignore
    ...texts('outcome', 'verdict', runs, (run) => run.conclusion?.verdict),
    row('outcome', 'duration', runs.map((run) => run.duration), { form: 'duration' }), // prettier-ignore
    ...texts('outcome', 'reason', runs, (run) => run.reason),
    ...metrics('outcome', runs, (key) => !key.startsWith('system/')),
    ...given.map((key) => row('outcome', key, runs.map((run) => run.summary[key]))), // prettier-ignore
  ];
}

/** A row of each metric's last value and, where it has a goal, one of its best above that. */
function metrics(block: BlockId, runs: readonly RunInfo[], fits: (key: string) => boolean): Row[] {
  const keys = union(runs, (run) => run.metrics).filter(fits);
  const goals = new Map(keys.map((key) => [key, goalOf(runs, key)]));
  keys.sort((a, b) => Number(Boolean(goals.get(b))) - Number(Boolean(goals.get(a))));
  return keys.flatMap((key) => {
    const goal = goals.get(key) ?? '';
    const all = runs.map((run) => run.metrics[key]);
    const unit = all.find((one) => one?.unit)?.unit ?? '';
    const take = (of: (one: MetricSummary) => Json) =>
      all.map((one) => (one ? of(one) : undefined));
    const stat = block === 'system' ? 'mean' : 'last';
    const last = row(block, key, take((one) => one[stat]), { note: stat, goal, unit }); // prettier-ignore
    if (!goal) return [last];
    const best = row(block, key, take((one) => one[goal]), { note: 'best', goal, unit }); // prettier-ignore
    return [best, last];
  });
}

function goalOf(runs: readonly RunInfo[], key: string): Goal {
  return runs.map((run) => run.metrics[key]?.goal).find(Boolean) ?? '';
}

function facts(block: BlockId, runs: readonly RunInfo[], fits: RegExp): Row[] {
  const keys = union(runs, (run) => run.facts).filter((key) => fits.test(key));
  return keys.map((key) => {
    const form = key.endsWith('.memory') ? 'bytes' : key === 'git.commit' ? 'digest' : 'value';
    return row(block, key, runs.map((run) => run.facts[key]), { form }); // prettier-ignore
  });
}

function code(runs: readonly RunInfo[], known: readonly (Captured | undefined)[]): Row[] {
  return [
    ...facts('code', runs, /^(git|code)\.|^process\.(command|script|kind)$/),
    ...texts('code', 'made by', runs, (run) => (run.source === 'sdk' ? '' : run.source)),
    ...byName('code', known, (one) => one.files, 'digest'),
  ];
}

function environment(runs: readonly RunInfo[], known: readonly (Captured | undefined)[]): Row[] {
  // versions of packages come from the full list where that is there
  const all = known.every(Boolean) ? known : [];
  const versions = new Set(all.flatMap((one) => Object.keys(one?.packages ?? {})));
  const plain = facts('environment', runs, /^env\./).filter(
    (one) => !versions.has(one.label.slice('env.'.length)) && one.label !== 'env.packages',
  );
  return [...plain, ...byName('environment', known, (one) => one.packages, 'text')];
}

/** Rows by name from what was captured; only once it is there for all runs. */
function byName(
  block: BlockId,
  known: readonly (Captured | undefined)[],
  of: (one: Captured) => Record<string, string>,
  form: Form,
): Row[] {
  if (!known.every(Boolean)) return [];
  const all = known.map((one) => (one ? of(one) : {}));
  const names = [...new Set(all.flatMap((one) => Object.keys(one)))].sort();
  return names.map((name) => row(block, name, all.map((one) => one[name]), { form })); // prettier-ignore
}

function inputs(runs: readonly RunInfo[]): Row[] {
  const labelOf = (edge: ArtifactEdge) => (edge.role ? `${edge.name} (${edge.role})` : edge.name);
  const all = runs.map((run) => {
    const own = new Map<string, string>();
    for (const edge of run.artifacts) {
      if (edge.direction !== 'input') continue;
      const [label, version] = [labelOf(edge), `v${edge.version}`];
      const before = own.get(label);
      own.set(label, before && before !== version ? `${before}, ${version}` : version);
    }
    return own;
  });
  const names = [...new Set(all.flatMap((own) => [...own.keys()]))].sort();
  return names.map(
    (name) =>
    row('inputs', name, all.map((own) => own.get(name)), { form: 'text' }), // prettier-ignore
  );
}

function about(runs: readonly RunInfo[]): Row[] {
  return [
    row('about', 'started', runs.map((run) => run.started || run.created), { form: 'time' }), // prettier-ignore
    ...texts('about', 'group', runs, (run) => run.group),
    ...texts('about', 'user', runs, (run) => run.user),
    ...texts('about', 'host', runs, (run) => run.host),
    ...texts('about', 'hypothesis', runs, (run) => run.hypothesis),
    ...texts('about', 'conclusion', runs, (run) => run.conclusion?.text),
    ...texts('about', 'parent', runs, (run) => run.parent),
    row('about', 'points', runs.map((run) => run.points)), // prettier-ignore
    row('about', 'ranks', runs.map((run) => run.ranks)), // prettier-ignore
  ];
}

function texts(
  block: BlockId,
  label: string,
  runs: readonly RunInfo[],
  of: (run: RunInfo) => string | undefined,
): Row[] {
  return [row(block, label, runs.map((run) => of(run) || undefined), { form: 'text' })]; // prettier-ignore
}

// -- what was captured --------------------------------------------------------------------------

/** The parts of `/runs/{id}/captured` that are compared. */
export function readCaptured(parts: Record<string, Json> | null | undefined): Captured {
  const environment = record(parts?.environment);
  const code = record(parts?.code);
  return { packages: stringsOf(environment.packages), files: stringsOf(code.files) };
}

function record(value: Json | undefined): Record<string, Json> {
  return value && typeof value === 'object' && !Array.isArray(value) ? value : {};
}

function stringsOf(value: Json | undefined): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [key, one] of Object.entries(record(value))) {
    if (typeof one === 'string') out[key] = one;
    else if (one && typeof one === 'object' && 'version' in one) out[key] = String(one.version);
  }
  return out;
}
