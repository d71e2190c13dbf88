/** What was kept of a run's code, as a list that one can choose from. */
import type { Json } from '../../../api/types';

type Dict = { [key: string]: Json };
const isDict = (value: Json | undefined): value is Dict =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '');
const size = (value: Json | undefined): number => (typeof value === 'number' ? value : 0);

export interface CodeItem {
  /** In the address. */
  id: string;
  kind: 'script' | 'notebook' | 'patch' | 'source' | 'repository';
  /** What is shown in the list. */
  name: string;
  /** All of the path. */
  path: string;
  /** Empty: its content was not kept. */
  digest: string;
  size: number;
  note: string;
}

export function codeItems(code: Dict | undefined): CodeItem[] {
  if (!code) return [];
  const files = isDict(code.files) ? code.files : {};
  const out: CodeItem[] = [];
  const add = (kind: CodeItem['kind'], given: Json | undefined, name = '') => {
    if (!isDict(given)) return;
    const file = text(given.file);
    const path = text(given.path) || file;
    out.push({
      id: file || path,
      kind,
      name: name || path.split('/').at(-1) || path,
      path,
      digest: text(files[file]),
      size: size(given.size),
      note: text(given.note),
    });
  };
  add('script', code.script, code.kind === 'command' ? 'the command (-c)' : '');
  add('notebook', code.notebook, 'Notebook cells');
  const git = isDict(code.git) ? code.git : null;
  if (git) add('patch', git.patch, 'Changes');
  if (Array.isArray(code.sources)) {
    for (const source of code.sources) add('source', source, shortPath(source, text(git?.top)));
  }
  if (git) {
    const shared = { path: text(git.top), digest: '', size: 0, note: '' };
    out.push({ id: 'repository', kind: 'repository', name: 'Repository', ...shared });
  }
  return out;
}

/** `sources/a/b.py` was kept by its place in the repository: that place is its name. */
function shortPath(source: Json | undefined, top: string): string {
  if (!isDict(source)) return '';
  const path = text(source.path);
  if (top && path.startsWith(`${top}/`)) return path.slice(top.length + 1);
  return text(source.file).replace(/^sources\//, '') || path;
}

/** What is shown first: the entry script, else the changes. */
export function firstItem(items: readonly CodeItem[], wanted: string): CodeItem | undefined {
  return items.find((item) => item.id === wanted) ?? items[0];
}

/** The page of a commit at a host that is known to have one; null for others. */
export function commitLink(remote: string, commit: string): string | null {
  const match =
    /^(?:https?:\/\/|ssh:\/\/git@|git@)(?:[^@/]*@)?([\w.-]+)(?::\d+)?[:/](.+?)(?:\.git)?\/?$/.exec(
      remote,
    );
  if (!match || !/^[0-9a-f]{7,64}$/.test(commit)) return null;
  const [, host = '', path = ''] = match;
  if (!host.includes('.') || /[\s"'<>?#]/.test(path)) return null;
  const middle = /gitlab/.test(host)
    ? '/-/commit/'
    : /bitbucket/.test(host)
      ? '/commits/'
      : '/commit/';
  return `https://${host}/${path}${middle}${commit}`;
}

export interface Cell {
  n: number;
  source: string;
}

export function readCells(json: string): Cell[] {
  try {
    const list = JSON.parse(json) as Json;
    if (!Array.isArray(list)) return [];
    return list.filter(isDict).map((cell) => ({ n: size(cell.n), source: text(cell.source) }));
  } catch {
    return [];
  }
}
