/** Routes that only the diary uses. */
import { get, write, type Options } from '../../api/client';
import type { Note, RunInfo, Verdict } from '../../api/types';
import type { DiaryEntry } from './days';

export const noteProject = (project: string, text: string) =>
  write<Note>('POST', '/projects/notes', { project, text });
export const noteRun = (run: string, text: string) =>
  write<Note>('POST', `/runs/${run}/notes`, { text });

type Where = { project: string; run: string };
const noteUrl = ({ run }: Where, id: string) =>
  run ? `/runs/${run}/notes/${id}` : `/projects/notes/${id}`;
const noteQuery = ({ project, run }: Where): Options => (run ? {} : { query: { project } });

/** A note's id; of a run's note that came without, found by its time and text. */
export async function noteId(entry: DiaryEntry): Promise<string> {
  if (entry.id || !entry.run) return entry.id ?? '';
  const { notes } = await get<RunInfo>(`/runs/${entry.run}`);
  const found = notes.filter((note) => note.text === entry.text);
  return (found.find((note) => note.time === entry.time) ?? found[0])?.id ?? '';
}

export const changeNote = (at: Where, id: string, text: string) =>
  write<Note>('PUT', noteUrl(at, id), { text }, noteQuery(at));
export const deleteNote = (at: Where, id: string) =>
  write<unknown>('DELETE', noteUrl(at, id), undefined, noteQuery(at));

export const conclude = (run: string, text: string, verdict: Verdict | '') =>
  write<RunInfo>('PATCH', `/runs/${run}`, { conclusion: { text, verdict } });
