/** Versions of an artifact: which one an address means, how its aliases move. No DOM. */
import type { ArtifactVersion, Json } from '../../api/types';

export const refOf = (version: Pick<ArtifactVersion, 'name' | 'version'>) =>
  `${version.name}:v${version.version}`;

/** 'v3', '3' or an alias; without a word, `latest`, else the newest. */
export function findVersion(
  versions: readonly ArtifactVersion[],
  word: string,
): ArtifactVersion | undefined {
  const number = /^v?(\d+)$/.exec(word)?.[1];
  if (number) return versions.find((one) => one.version === Number(number));
  if (word) return versions.find((one) => one.aliases.includes(word));
  return versions.find((one) => one.aliases.includes('latest')) ?? versions[0];
}

/** `latest` moves by itself. */
export const movable = (alias: string) => alias !== 'latest';

/** Why a word cannot be an alias; empty where it can. */
export function aliasProblem(word: string): string {
  if (!word.trim()) return 'write a word';
  if (word !== word.trim() || /[\s:/@]/.test(word)) return 'no spaces, and none of : / @';
  if (/^v\d+$/i.test(word)) return 'v and a number is the name of a version';
  if (word === 'latest') return 'latest moves by itself';
  return '';
}

/** Where an alias points now, if that is another version. */
export function holderOf(
  versions: readonly ArtifactVersion[],
  alias: string,
  version: number,
): ArtifactVersion | undefined {
  return versions.find((one) => one.version !== version && one.aliases.includes(alias));
}

export interface Pair {
  key: string;
  value: Json;
}

/** Nested metadata as rows with dotted names. */
export function flat(value: { [key: string]: Json }, before = ''): Pair[] {
  return Object.entries(value).flatMap(([key, part]) => {
    const name = before ? `${before}.${key}` : key;
    const nested = part && typeof part === 'object' && !Array.isArray(part);
    return nested && Object.keys(part).length ? flat(part, name) : [{ key: name, value: part }];
  });
}
