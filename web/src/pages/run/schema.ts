/** What of the run page is in the address. */
import { chartSchema } from '../charts/settings';
import { choice, flag, text, type Codec } from '../../lib/view';

export const TABS = [
  'overview',
  'record',
  'charts',
  'system',
  'media',
  'console',
  'code',
  'environment',
  'artifacts',
  'lineage',
] as const;
export type Tab = (typeof TABS)[number];

export const TAB_NAMES: Record<Tab, string> = {
  overview: 'Overview',
  record: 'Record',
  charts: 'Charts',
  system: 'System',
  media: 'Media',
  console: 'Console',
  code: 'Code',
  environment: 'Environment',
  artifacts: 'Artifacts',
  lineage: 'Lineage',
};

/** Tabs that scroll inside themselves and take the whole height. */
export const FULL: ReadonlySet<Tab> = new Set<Tab>(['console', 'code']);

/** A number, or none. */
const maybe: Codec<number | null> = {
  initial: null,
  read(given) {
    const value = Number(given);
    return given.trim() && Number.isFinite(value) ? value : undefined;
  },
  write: (value) => (value === null ? '' : String(value)),
};

export const runSchema = {
  ...chartSchema,
  tab: choice(TABS, 'overview'),
  /** The run that config and environment are compared with; empty: the one before. */
  ref: text(),
  /** The moment that media and console show. */
  step: maybe,
  /** Config: flat, only differences, searched. */
  flat: flag(),
  differ: flag(),
  find: text(),
  /** Media: one kind, keys that fit. */
  kind: text(),
  keys: text(),
  /** Console. */
  line: maybe,
  rank: maybe,
  q: text(),
  regex: flag(),
  only: flag(),
  stream: choice(['', 'o', 'e'], ''),
  /** Code: what is looked at; artifacts: the version, and the file in it. */
  file: text(),
  art: text(),
  path: text(),
  /** Lineage: by what was declared, rather than by content. */
  declared: flag(),
} as const;
