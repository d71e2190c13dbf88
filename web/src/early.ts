/** Runs before the app is loaded: asks for what the page at this address will ask first. */
import type { FieldInfo } from './api/types';
import { defaultFields, fieldsPath, tablePath, type Early } from './lib/first';

const base = new URL(document.baseURI).pathname.replace(/\/+$/, '');
const early: Early = (window.notabeneEarly = new Map());

function ask(path: string): Promise<Response> {
  const url = `${base}/api/v1${path}`;
  const answer = fetch(url);
  answer.catch(() => undefined); // the client will ask again, and say so
  early.set(url, answer);
  return answer;
}

/** The columns of the last visit, else those that fit the fields. */
async function columnsOf(project: string, fields: Promise<Response>): Promise<string[]> {
  const kept = localStorage.getItem(`notabene.columns.${project}`);
  if (kept !== null) return JSON.parse(kept) as string[];
  const { items } = (await (await fields).clone().json()) as { items: FieldInfo[] };
  return defaultFields(items);
}

async function start(): Promise<void> {
  const found = /^\/p\/([^/]+)\/(runs|charts)\/?$/.exec(location.pathname.slice(base.length));
  if (!found?.[1]) return;
  const project = decodeURIComponent(found[1]);
  const fields = ask(fieldsPath(project));
  if (found[2] === 'runs' && !location.search) {
    ask(tablePath(project, await columnsOf(project, fields)));
  }
}

start().catch(() => undefined);
