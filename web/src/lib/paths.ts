/** Addresses of pages. `base` is where the server sits behind a proxy: '' or '/nb'. */

export const base =
  typeof document === 'undefined' ? '' : new URL(document.baseURI).pathname.replace(/\/+$/, '');

const part = encodeURIComponent;

export type ProjectPage = 'runs' | 'charts' | 'compare' | 'diary' | 'artifacts' | 'waste';

/** Paths inside the app, without the base; `href()` adds it. */
export const paths = {
  home: () => '/',
  project: (project: string, page: ProjectPage = 'runs', query = '') =>
    `/p/${part(project)}/${page}${query && `?${query.replace(/^\?/, '')}`}`,
  run: (id: string, query = '') => `/r/${part(id)}${query && `?${query.replace(/^\?/, '')}`}`,
  view: (id: string) => `/v/${part(id)}`,
  artifact: (project: string, name: string, version?: string | number) => {
    const query = new URLSearchParams({ name });
    if (version !== undefined) query.set('version', String(version));
    return `/p/${part(project)}/artifacts?${query}`;
  },
  settings: () => '/settings',
  search: (text = '') => (text ? `/search?q=${part(text)}` : '/search'),
};

/** What an `<a href>` takes. */
export const href = (path: string): string => base + path;

export type Params = Record<string, string>;

/** `/p/:project/runs` against `/p/a%2Fb/runs` -> {project: 'a/b'}; null where it does not fit. */
export function matchPath(pattern: string, path: string): Params | null {
  const wanted = pattern.split('/');
  const given = path.replace(/\/+$/, '').split('/');
  if (path === '/') given.splice(0, given.length, '', '');
  if (wanted.length !== given.length) return null;
  const params: Params = {};
  for (const [i, name] of wanted.entries()) {
    const text = given[i] ?? '';
    if (name.startsWith(':')) {
      if (!text) return null;
      params[name.slice(1)] = decode(text);
    } else if (name !== text) return null;
  }
  return params;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
