/** Saved views: their links, and how they are named for people. No DOM. */
import type { View } from '../../api/types';
import { href, paths } from '../../lib/paths';

/** The whole address, for handing on. */
export const linkOf = (id: string, origin = location.origin): string =>
  new URL(href(paths.view(id)), origin).href;

const PAGES = ['runs', 'charts', 'compare', 'diary', 'artifacts'];

/** Where a view leads; a page of a newer notabene leads to the runs. */
export function viewPath(view: Pick<View, 'project' | 'page' | 'state'>): string {
  const page = (PAGES.includes(view.page) ? view.page : 'runs') as 'runs';
  return paths.project(view.project, page, view.state);
}

export const viewTitle = (view: View): string =>
  `${view.name}: ${view.page} of ${view.project}${view.author ? `, saved by ${view.author}` : ''}`;
