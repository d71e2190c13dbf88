/** The runs a search finds, held while they are looked at, and kept up as they change. */
import * as calls from '../../api/calls';
import { ApiError } from '../../api/client';
import type { Change } from '../../api/types';
import { FIRST_ROWS } from '../../lib/first';
import { restrict } from './state';
import { changedWhere, mergeTable, readTable, type TableData } from './tabledata';

export interface Question {
  project: string;
  where: string;
  order: string;
  fields: string[];
  show: 'active' | 'archived' | 'trash';
}

/** So many rows are loaded at most; the rest is counted and said. */
export const MOST_ROWS = 20_000;
const MOST_CHANGED = 200;
const REST_LATER = 500;

function pause(time: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, time);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

export class RunsModel {
  table = $state.raw<TableData>();
  error = $state.raw<unknown>();
  loading = $state(true);
  /** New runs that are not in the table yet: it is sorted by something else than age. */
  waiting = $state.raw<string[]>([]);
  private question: Question | undefined;
  private most = MOST_ROWS;
  /** Changes that came while an answer was on its way, which may not know them. */
  private missed = new Map<string, Change>();
  private missedAll = false;
  private changing = false;
  private control: AbortController | undefined;

  /** Called with how many rows came in at the top. */
  constructor(private readonly onadd: (rows: number) => void = () => undefined) {}

  ask(question: Question, most = MOST_ROWS): void {
    this.question = question;
    this.most = most;
    void this.load();
  }

  stop(): void {
    this.control?.abort();
  }

  reload = (): void => void this.load(true);

  private query(question: Question, where: string, limit: number) {
    const { project, order, fields, show } = question;
    return { project, order, fields, limit, ...restrict(show, where) };
  }

  private async load(whole = false): Promise<void> {
    const question = this.question;
    if (!question) return;
    this.control?.abort();
    const control = (this.control = new AbortController());
    const { signal } = control;
    this.loading = true;
    try {
      // a first screenful, then the rest: rows can be read while many are on their way
      let limit = whole ? this.most : Math.min(this.most, FIRST_ROWS);
      for (;;) {
        const answer = await calls.runsTable(this.query(question, question.where, limit), {
          signal,
        });
        this.table = readTable(answer, question.fields);
        this.waiting = [];
        this.error = undefined;
        if (limit === this.most || answer.ids.length >= answer.total) break;
        limit = this.most;
        // the charts' first answers are wanted sooner than row 201
        await pause(REST_LATER, signal);
      }
      this.loading = false;
      this.catchUp();
    } catch (error) {
      if (signal.aborted) return;
      [this.error, this.loading] = [error, false];
    }
  }

  /** Runs changed: only these are asked for. */
  async change(changes: readonly Change[], reload: boolean): Promise<void> {
    const { question, table } = this;
    if (this.loading || this.changing) {
      this.missedAll ||= reload;
      for (const change of changes) this.missed.set(change.id, change);
      return;
    }
    if (!question || !table) return;
    if (reload || changes.length > MOST_CHANGED) return this.load(true);
    const ids = changes.map((change) => change.id);
    // one after the other: the later of two answers would be for a table that is gone
    this.changing = true;
    try {
      const where = changedWhere(question.where, ids);
      const answer = await calls.runsTable(this.query(question, where, MOST_CHANGED));
      if (question !== this.question || table !== this.table) return;
      const delta = readTable(answer, question.fields);
      const merged = mergeTable(table, delta, ids, question.order === '-created');
      this.table = merged.table;
      this.waiting = [...new Set([...this.waiting, ...merged.waiting])];
      if (merged.added) this.onadd(merged.added);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    } finally {
      this.changing = false;
      this.catchUp();
    }
  }

  private catchUp(): void {
    const [missed, all] = [[...this.missed.values()], this.missedAll];
    this.missed.clear();
    this.missedAll = false;
    if (missed.length || all) void this.change(missed, all);
  }
}
