/** What the address of the artifact pages holds. */
import { choice, flag, number, text } from '../../lib/view';

export const TABS = ['files', 'compare', 'lineage', 'metadata'] as const;
export type Tab = (typeof TABS)[number];

export const schema = {
  /** Of the list. */
  q: text(),
  type: text(),
  all: flag(),
  most: number(200, 1, 1000),
  /** Of one artifact. */
  name: text(),
  version: text(),
  tab: choice(TABS, 'files'),
  path: text(),
  with: text(),
  table: flag(),
};
