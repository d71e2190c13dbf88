/** Routes that only the pages of artifacts use. */
import { apiUrl, get, write } from '../../api/client';
import type { ArtifactItem, ArtifactVersion, List } from '../../api/types';
import type { FileEntry } from '../../components/filetree';
import type { FilePreview } from '../../components/Preview.svelte';
import type { Edge, Node } from '../run/logic/lineage';

type Signal = { signal?: AbortSignal };

export interface ArtifactsQuery {
  project: string;
  type: string;
  search: string;
  limit: number;
}

export interface VersionDetail extends ArtifactVersion {
  made_by: string[];
  used_by: string[];
}

export const artifacts = (query: ArtifactsQuery, o?: Signal) =>
  get<List<ArtifactItem>>('/artifacts', { ...o, query: { ...query } });
export const versions = (name: string, o?: Signal) =>
  get<List<ArtifactVersion>>('/artifacts/versions', { ...o, query: { name, limit: 1000 } });
export const version = (ref: string, o?: Signal) =>
  get<VersionDetail>('/artifacts/version', { ...o, query: { ref } });
export const folder = (ref: string, under: string, offset: number, deep = false, o?: Signal) =>
  get<List<FileEntry>>('/artifacts/files', {
    ...o,
    query: { ref, under, offset, limit: 1000, deep },
  });
export const preview = (ref: string, path: string, o?: Signal) =>
  get<FilePreview>('/artifacts/preview', { ...o, query: { ref, path } });
export const fileUrl = (ref: string, path: string, download = false) =>
  apiUrl('/artifacts/file', { ref, path, download });
export const lineage = (ref: string, o?: Signal) =>
  get<{ nodes: Node[]; edges: Edge[] }>('/lineage', { ...o, query: { ref } });

export const setAlias = (ref: string, alias: string) =>
  write<ArtifactVersion>('POST', '/artifacts/alias', { ref, alias });
export const removeAlias = (ref: string, alias: string) =>
  write<ArtifactVersion>('DELETE', '/artifacts/alias', undefined, { query: { ref, alias } });
export const removeVersion = (ref: string) =>
  write<VersionDetail>('DELETE', '/artifacts/version', undefined, { query: { ref } });
export const restoreVersion = (ref: string) =>
  write<ArtifactVersion>('POST', '/artifacts/restore', { ref });
