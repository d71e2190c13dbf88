/** What the record of a run says, in words: its state, findings, what was seen. No DOM. */
import type { CheckFinding, Json, RunRecord } from '../../../api/types';
import type { IconName } from '../../../components/icons';
import { formatBytes, formatValue, plural } from '../../../lib/format';
import { shellWord } from '../../home/teach';

export type Look = 'ok' | 'warn' | 'error' | 'plain';

export interface State {
  word: string;
  look: Look;
  icon: IconName;
}

/** `complete`, or how many gaps: notes are none. */
export function recordState(record: string, gaps: number | undefined): State {
  if (record === 'complete') return { word: 'record complete', look: 'ok', icon: 'ok' };
  if (record !== 'gaps') return { word: 'no record', look: 'plain', icon: 'info' };
  const word = gaps === undefined ? 'gaps in the record' : `${plural(gaps, 'gap')} in the record`;
  return { word, look: 'warn', icon: 'warn' };
}

const PROOFS: Record<string, State> = {
  untested: { word: 'untested', look: 'plain', icon: 'lost' },
  steps: { word: 'first steps proven', look: 'ok', icon: 'running' },
  proven: { word: 'proven', look: 'ok', icon: 'ok' },
  differs: { word: 'differs', look: 'error', icon: 'error' },
};

/** What reruns have proven; in tables and in the head of the panel. */
export function proofState(proof: string, steps?: number): State {
  const found = PROOFS[proof || 'untested'] ?? { word: proof, look: 'plain', icon: 'info' };
  return proof === 'steps' && steps
    ? { ...found, word: `proven for ${plural(steps, 'step')}` }
    : found;
}

export interface Proof {
  proof: string;
  verdict: string;
  run: string;
  compared: number;
  steps: number;
  cause: string;
  first: { [key: string]: Json } | null;
}

export function readProof(given: { [key: string]: unknown } | undefined): Proof {
  const data = (given ?? {}) as { [key: string]: Json };
  const first = data.first_difference;
  return {
    proof: String(data.proof ?? 'untested'),
    verdict: String(data.verdict ?? ''),
    run: String(data.run ?? ''),
    compared: Number(data.compared ?? 0),
    steps: Number(data.steps ?? 0),
    cause: String(data.cause ?? ''),
    first: first && typeof first === 'object' && !Array.isArray(first) ? first : null,
  };
}

/** One sentence on what the rerun showed. */
export function proofSentence(proof: Proof): string {
  if (proof.proof === 'untested') return 'Nobody has run it again from its record yet.';
  const compared = `${plural(proof.compared, 'value')} compared`;
  if (proof.proof === 'differs') {
    const first = proof.first;
    if (first?.metric !== undefined)
      return `${compared}; first different at ${formatValue(first.metric)}, step ${formatValue(first.step)}: ${formatValue(first.recorded)} recorded, ${formatValue(first.now)} in the rerun.`;
    if (first?.file !== undefined)
      return `${compared}; first different: ${formatValue(first.file)}.`;
    return `${compared}; a rerun came out differently.`;
  }
  const same =
    proof.verdict === 'within-tolerance' ? 'the same within the tolerance' : 'the same bits';
  const part = proof.proof === 'steps' ? ` of the first ${plural(proof.steps || 0, 'step')}` : '';
  return `${compared}${part}, ${same}.`;
}

export const SEVERITIES: Record<string, { icon: IconName; word: string; look: Look }> = {
  gap: { icon: 'error', word: 'gap', look: 'error' },
  risk: { icon: 'warn', word: 'risk', look: 'warn' },
  note: { icon: 'info', word: 'note', look: 'plain' },
};

/** `unseeded-randomness` -> `unseeded randomness`. */
export const classWords = (name: string) => name.replace(/-/g, ' ');

export const gapsOf = (findings: readonly CheckFinding[]) =>
  findings.filter((one) => one.severity !== 'note').length;

/** Commands for the run; of `--set` the first option that was seen. */
export function commandsOf(
  id: string,
  record: RunRecord | undefined,
): { does: string; text: string }[] {
  const option = record?.parameters.options.find((one) => !one.name.toLowerCase().includes('seed'));
  const named = option ? option.name : 'name';
  const value = option ? formatValue(option.value as Json) || 'value' : 'value';
  return [
    { does: 'Run it again from its record, and compare', text: `notabene reproduce ${id}` },
    { does: 'Only its first steps', text: `notabene reproduce ${id} --steps 100` },
    {
      does: 'Run it again with a change',
      text: `notabene rerun ${id} --set ${shellWord(`${named}=${value}`)}`,
    },
  ];
}

export interface SeenFile {
  path: string;
  size: number;
  digest: string;
  /** kept, link of a data system, or why there is no digest. */
  state: string;
  where: string;
  kept: boolean;
}

export function inputsOf(record: RunRecord): SeenFile[] {
  return record.data.read.map((one) => ({
    path: one.path,
    size: one.size,
    digest: one.digest,
    kept: one.kept,
    where: one.where,
    state: stateOf(one.kept, one.note, one.link) + (one.overwritten ? ', overwritten later' : ''),
  }));
}

export function outputsOf(record: RunRecord): SeenFile[] {
  return record.data.written.map((one) => ({
    path: one.path,
    size: one.size,
    digest: one.digest,
    kept: one.kept,
    where: one.where,
    state: stateOf(one.kept, one.note, {}),
  }));
}

function stateOf(kept: boolean, note: string, link: { [key: string]: unknown }): string {
  if (kept) return 'kept';
  if (link.kind) return `in ${String(link.kind)}`;
  return note || 'by digest only';
}

export interface Line {
  name: string;
  value: string;
  where: string;
}

export function randomnessOf(record: RunRecord): Line[] {
  const { seeds, draws, generators, clock, hash } = record.randomness;
  const inside = (process: string) => (process ? ` in ${process}` : '');
  return [
    ...seeds.map((one) => ({
      name: `${one.generator}${inside(one.process)}`,
      value: `seeded with ${formatValue(one.value as Json)}`,
      where: one.where,
    })),
    ...generators.map((one) => ({
      name: `${one.name}${inside(one.process)}`,
      value: one.state
        ? `start state kept${one.used ? ', drawn from unseeded' : ''}`
        : 'start state not kept',
      where: '',
    })),
    ...draws.map((one) => ({
      name: `${one.by}${inside(one.process)}`,
      value: `${one.bits} bits of entropy, ${one.value ? 'kept' : 'never kept'}`,
      where: one.where,
    })),
    ...clock.map((one) => ({ name: one.function, value: 'the clock was read', where: one.where })),
    ...(hash ? [{ name: 'order of sets', value: hashWords(hash), where: '' }] : []),
  ];
}

function hashWords(hash: string): string {
  if (hash === 'random') return 'by a number that is not known';
  return hash.startsWith('secret:') ? 'by a number that is kept' : `PYTHONHASHSEED ${hash}`;
}

export function parametersOf(record: RunRecord): Line[] {
  const { options, variables, walks, settings } = record.parameters;
  return [
    ...options.map((one) => ({
      name: one.name,
      value: formatValue(one.value as Json) || 'none',
      where: one.where,
    })),
    ...variables.map((one) => ({
      name: `$${one.name}`,
      value: one.value === null ? 'not set' : one.value,
      where: one.where,
    })),
    ...walks.map((one) => ({
      name: one.pattern,
      value: one.names.length ? `variables: ${one.names.join(', ')}` : 'variables: none was set',
      where: one.where,
    })),
    ...settings.map((one) => ({ name: one.source, value: 'settings were read', where: one.where })),
  ];
}

export function outsideOf(record: RunRecord): Line[] {
  const { programs, hosts, replies, stdin } = record.outside;
  return [
    ...(stdin ? [{ name: 'standard input', value: stdinWords(stdin), where: stdin.where }] : []),
    ...programs.map((one) => ({
      name: one.words.join(' '),
      value: one.digest ? `${one.path} ${one.digest.slice(0, 12)}` : one.path || 'a program',
      where: one.where,
    })),
    ...hosts.map((one) => ({
      name: one.port ? `${one.name}:${one.port}` : one.name,
      value: 'network',
      where: one.where,
    })),
    ...replies.map((one) => ({
      name: one.address,
      value: [one.status || '', formatBytes(one.size), one.digest.slice(0, 12)]
        .filter(Boolean)
        .join(', '),
      where: one.where,
    })),
  ];
}

function stdinWords(given: NonNullable<RunRecord['outside']['stdin']>): string {
  const content = given.path || (given.kept ? 'kept' : given.note);
  return [formatBytes(given.size), given.digest.slice(0, 12), content].filter(Boolean).join(', ');
}

export function environmentOf(record: RunRecord): Line[] {
  const environment = record.environment as { [key: string]: Json };
  const python = environment.python as { [key: string]: Json } | undefined;
  const packages = environment.packages;
  const count = Array.isArray(packages) ? packages.length : Object.keys(packages ?? {}).length;
  const git = (record.code as { [key: string]: Json }).git as { [key: string]: Json } | undefined;
  const sources = record.sources.files;
  const lines: Line[] = [];
  if (python?.version)
    lines.push({ name: 'Python', value: formatValue(python.version), where: '' });
  if (count) lines.push({ name: 'packages', value: plural(count, 'package'), where: '' });
  if (git?.commit) {
    const dirty = git.dirty ? ' with changes' : '';
    lines.push({ name: 'commit', value: String(git.commit).slice(0, 10) + dirty, where: '' });
  }
  if (sources.length) {
    const size = sources.reduce((sum, one) => sum + one.size, 0);
    const value = `${plural(sources.length, 'file')}, ${formatBytes(size)}`;
    lines.push({ name: 'sources', value, where: '' });
  }
  return lines;
}

/** Whether anything beyond the run itself was recorded. */
export function hasRecord(record: RunRecord): boolean {
  return (
    record.sources.files.length > 0 ||
    record.data.read.length + record.data.written.length > 0 ||
    Object.keys(record.environment).length > 0
  );
}
