/**
 * The list one came from: the run page goes through it by [ and ]. The table of runs writes how it
 * searched, sorted and grouped; of this tab only, since each tab has a list of its own.
 */

export interface RunList {
  project: string;
  where: string;
  order: string;
  group: string[];
  archived?: boolean | undefined;
  deleted?: boolean | undefined;
}

const KEY = 'notabene.runlist';

export function keepRunList(list: RunList): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(list));
  } catch {
    // no storage: the run page goes by age
  }
}

export function readRunList(): RunList | null {
  try {
    return checked(JSON.parse(sessionStorage.getItem(KEY) ?? 'null'));
  } catch {
    return null;
  }
}

/** What is no list of ours is none. */
export function checked(given: unknown): RunList | null {
  if (typeof given !== 'object' || given === null) return null;
  const { project, where, order, group, archived, deleted } = given as Record<string, unknown>;
  if (![project, where, order].every((one) => typeof one === 'string')) return null;
  return {
    project: project as string,
    where: where as string,
    order: order as string,
    group: Array.isArray(group) ? group.filter((one) => typeof one === 'string') : [],
    archived: archived === true,
    deleted: deleted === true,
  };
}
