/** Address -> page. Each page is a chunk of its own, loaded when it is first gone to. */
import type { Component } from 'svelte';
import { matchPath, type Params } from './lib/paths';

export interface Route {
  pattern: string;
  title: (params: Params) => string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a page may take params or not
  load: () => Promise<{ default: Component<any> }>;
}

export const routes: Route[] = [
  { pattern: '/', title: () => 'Projects', load: () => import('./pages/home/Home.svelte') },
  {
    pattern: '/p/:project/runs',
    title: ({ project }) => `Runs · ${project}`,
    load: () => import('./pages/runs/Runs.svelte'),
  },
  {
    pattern: '/p/:project/charts',
    title: ({ project }) => `Charts · ${project}`,
    load: () => import('./pages/charts/Charts.svelte'),
  },
  {
    pattern: '/p/:project/compare',
    title: ({ project }) => `Compare · ${project}`,
    load: () => import('./pages/compare/Compare.svelte'),
  },
  {
    pattern: '/p/:project/diary',
    title: ({ project }) => `Diary · ${project}`,
    load: () => import('./pages/diary/Diary.svelte'),
  },
  {
    pattern: '/p/:project/artifacts',
    title: ({ project }) => `Artifacts · ${project}`,
    load: () => import('./pages/artifacts/Artifacts.svelte'),
  },
  {
    pattern: '/p/:project/waste',
    title: ({ project }) => `Waste · ${project}`,
    load: () => import('./pages/waste/Waste.svelte'),
  },
  {
    pattern: '/r/:run',
    title: ({ run }) => `Run ${run}`,
    load: () => import('./pages/run/Run.svelte'),
  },
  {
    pattern: '/v/:view',
    title: () => 'Saved view',
    load: () => import('./pages/view/View.svelte'),
  },
  {
    pattern: '/settings',
    title: () => 'Settings',
    load: () => import('./pages/settings/Settings.svelte'),
  },
  { pattern: '/search', title: () => 'Search', load: () => import('./pages/search/Search.svelte') },
];

export function findRoute(path: string): { route: Route; params: Params } | null {
  for (const route of routes) {
    const params = matchPath(route.pattern, path);
    if (params) return { route, params };
  }
  return null;
}
