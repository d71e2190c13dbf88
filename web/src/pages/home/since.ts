/**
 * "Since you were here": what a visit remembers, and what has moved since the one before.
 *
 * A visit ends half an hour after the page was last looked at; the next one then compares with
 * what was known at that moment. Until then a reload compares with the same moment as before, so
 * that news do not vanish while one reads them.
 */
import type { Goal, Headline, Project, RunsTable, Status } from '../../api/types';
import { num } from '../../lib/format';

export interface Best {
  key: string;
  value: number;
}

export interface Visit {
  /** What "since" means, ms; 0: this is the first visit. */
  since: number;
  /** Best values at that time, by project. */
  before: Record<string, Best>;
  /** When the page was last looked at, ms. */
  seen: number;
  /** Best values then. */
  latest: Record<string, Best>;
}

export const PAUSE = 30 * 60_000;

/** A visit begins, or goes on. */
export function arrive(saved: Visit | null, now: number): Visit {
  if (!saved || !(saved.seen > 0)) return { since: 0, before: {}, seen: now, latest: {} };
  if (now - saved.seen < PAUSE) return saved;
  return { ...saved, since: saved.seen, before: saved.latest };
}

/** What is looked at now is what the next visit compares with. */
export function look(visit: Visit, projects: readonly Project[], now: number): Visit {
  return { ...visit, seen: now, latest: bestOf(projects) };
}

/** Everything is read: from now on only newer things are news. */
export function markRead(visit: Visit, projects: readonly Project[], now: number): Visit {
  const best = bestOf(projects);
  return { ...visit, since: now, before: best, seen: now, latest: best };
}

function bestOf(projects: readonly Project[]): Record<string, Best> {
  const out: Record<string, Best> = {};
  for (const { name, headline } of projects) {
    if (headline) out[name] = { key: headline.key, value: num(headline.value) };
  }
  return out;
}

/** One that was saved by an older or another page may be anything. */
export function readVisit(value: unknown): Visit | null {
  const visit = value as Partial<Visit> | null;
  if (!visit || typeof visit !== 'object') return null;
  if (typeof visit.seen !== 'number' || typeof visit.since !== 'number') return null;
  return {
    since: visit.since,
    seen: visit.seen,
    before: visit.before ?? {},
    latest: visit.latest ?? {},
  };
}

export const FAILED: readonly Status[] = ['failed', 'killed', 'lost'];
export const MOVED = ['project', 'created', 'ended', 'updated'];

/** Query for what began or ended since. */
export function movedQuery(sinceMs: number): string {
  const at = new Date(sinceMs).toISOString();
  return `created > '${at}' or ended > '${at}'`;
}

export interface News {
  project: string;
  began: number;
  finished: number;
  failed: number;
  best: (Headline & { before: number | null }) | null;
}

/** What moved, by project; projects where nothing did are left out. */
export function news(visit: Visit, projects: readonly Project[], table: RunsTable | null): News[] {
  if (!visit.since) return [];
  const counts = table ? counted(table, visit.since * 1000) : new Map<string, Counts>();
  const out: News[] = [];
  for (const project of projects) {
    const best = newBest(visit.before[project.name], project, visit.since * 1000);
    const moved = counts.get(project.name);
    if (!moved && !best) continue;
    out.push({ project: project.name, ...(moved ?? NOTHING), best });
  }
  return out;
}

interface Counts {
  began: number;
  finished: number;
  failed: number;
}
const NOTHING: Counts = { began: 0, finished: 0, failed: 0 };

function counted(table: RunsTable, since: number): Map<string, Counts> {
  const column = (field: string) => table.columns.find((one) => one.field === field)?.values ?? [];
  const [projects, created, ended] = [column('project'), column('created'), column('ended')];
  const updated = column('updated');
  const out = new Map<string, Counts>();
  for (const [i, status] of table.statuses.entries()) {
    const name = String(projects[i]);
    const one = out.get(name) ?? { ...NOTHING };
    out.set(name, one);
    if (num(created[i]) > since) one.began += 1;
    // a lost run has no end: it is news when its last sign of life is
    const end = num(ended[i]) || num(updated[i]);
    if (status === 'running' || !(end > since)) continue;
    if (FAILED.includes(status)) one.failed += 1;
    else one.finished += 1;
  }
  return out;
}

function newBest(before: Best | undefined, project: Project, since: number): News['best'] {
  const head = project.headline;
  if (!head) return null;
  const value = num(head.value);
  if (!before || before.key !== head.key) {
    return project.created > since ? { ...head, before: null } : null;
  }
  return better(value, before.value, head.goal) ? { ...head, before: before.value } : null;
}

export function better(value: number, than: number, goal: Goal): boolean {
  return goal === 'min' ? value < than : value > than;
}

export type SortBy = 'updated' | 'name' | 'runs';

/** Projects in order, those at work first when sorted by activity. */
export function sortProjects(projects: readonly Project[], by: SortBy): Project[] {
  const orders: Record<SortBy, (a: Project, b: Project) => number> = {
    updated: (a, b) => Number(b.running > 0) - Number(a.running > 0) || b.updated - a.updated,
    name: (a, b) => a.name.localeCompare(b.name),
    runs: (a, b) => b.runs - a.runs || a.name.localeCompare(b.name),
  };
  return [...projects].sort(orders[by]);
}
