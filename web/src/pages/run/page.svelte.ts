/** What all tabs of the run page share: the run, its neighbours, the baseline, the cursor. */
import * as shared from '../../api/calls';
import { ApiError } from '../../api/client';
import type { LoggedKey, RunDetail, RunInfo } from '../../api/types';
import { CursorGroup } from '../../lib/chart/cursor';
import { live } from '../../lib/live';
import { resource, type Resource } from '../../lib/resource.svelte';
import { readRunList, type RunList } from '../../lib/runlist';
import { toasts } from '../../lib/toasts.svelte';
import { ViewState } from '../../lib/view.svelte';
import * as calls from './calls';
import { Moment } from './moment.svelte';
import { runSchema } from './schema';

export class RunPage {
  readonly view = new ViewState(runSchema);
  /** Of the curves, by step; and of what the machine did, by seconds. */
  readonly cursor = new CursorGroup();
  readonly clock = new CursorGroup();
  readonly detail: Resource<RunDetail>;
  readonly keys: Resource<LoggedKey[]>;
  readonly captured: Resource<calls.Captured>;
  /** The runs of [ and ]; and the newest of the project, to compare with. */
  readonly list: Resource<calls.NeighbourList>;
  readonly others: Resource<calls.NeighbourList>;
  readonly moment: Moment;
  /** ms; each second while the run is at work. */
  now = $state(Date.now());
  /** It ended while one looked. */
  ended = $state(false);
  private wantsCaptured = $state(false);
  private wantsList = $state(false);
  private wantsOthers = $state(false);
  private readonly from = readRunList();

  constructor(readonly id: string) {
    const mine = (change: { kind: string; id: string }) =>
      change.kind === 'run' && change.id === id;
    this.detail = resource(
      () => id,
      (run, signal) => shared.run(run, { signal }),
      { live: mine },
    );
    this.keys = resource(
      () => (this.run ? id : null),
      (run, signal) => calls.valueKeys(run, { signal }),
      { live: mine, pause: 3000 },
    );
    this.captured = resource(
      () => (this.wantsCaptured ? id : null),
      (run, signal) => calls.captured(run, { signal }),
      { live: mine, pause: 10_000 },
    );
    this.list = resource(
      () => (this.wantsList ? this.listed : null),
      (list, signal) => calls.neighbourList(list, id, signal),
      { keep: true },
    );
    this.others = resource(
      () => (this.wantsOthers && this.run ? newest(this.run.project) : null),
      (list, signal) => calls.neighbourList(list, '', signal),
      { keep: true },
    );
    $effect(() =>
      live.listen(({ changes, reload }) => {
        // the feed begins: what changed between our first question and now was not told
        if (!reload && !changes.length) this.detail.reload();
      }),
    );
    this.moment = new Moment(this);
    this.tick();
  }

  get run(): RunDetail | undefined {
    return this.detail.data;
  }

  get running(): boolean {
    return this.run?.status === 'running';
  }

  /** The list of [ and ]: where one came from if that was of this project, else all its runs. */
  get listed(): RunList | null {
    const project = this.run?.project;
    if (project === undefined) return null;
    if (this.from?.project === project) return this.from;
    return newest(project);
  }

  wantCaptured(): void {
    this.wantsCaptured = true;
  }

  wantList(): void {
    this.wantsList = true;
  }

  wantOthers(): void {
    this.wantsOthers = true;
  }

  /** Ask, show the answer at once; or say what went wrong. */
  async act<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      const answer = await work();
      this.detail.reload();
      return answer;
    } catch (error) {
      toasts.error(error, what);
      this.detail.reload();
      return undefined;
    }
  }

  /** Change the run, with a way back. */
  async change(body: calls.RunChange, done: string, undo?: calls.RunChange): Promise<boolean> {
    const before = this.run;
    if (!before) return false;
    const { conclusion: _, ...plain } = body;
    this.detail.set({ ...before, ...plain });
    const answer = await this.act(`${done} did not work`, () => calls.change(this.id, body));
    if (!answer) {
      this.detail.set(before);
      return false;
    }
    this.merge(answer);
    const back = undo && (() => this.change(undo, 'Taken back'));
    if (done) toasts.done(done, back);
    return true;
  }

  merge(answer: RunInfo): void {
    if (this.run) this.detail.set({ ...this.run, ...answer });
  }

  /** There is no such run, or it is in the trash. */
  get missing(): boolean {
    return this.detail.error instanceof ApiError && this.detail.error.status === 404;
  }

  private tick(): void {
    let before: string | undefined;
    $effect(() => {
      const status = this.run?.status;
      if (before === 'running' && status && status !== 'running') this.ended = true;
      if (status === 'running') this.ended = false;
      before = status ?? before;
    });
    $effect(() => {
      if (!this.running) return;
      const timer = setInterval(() => {
        if (!document.hidden) this.now = Date.now();
      }, 1000);
      return () => clearInterval(timer);
    });
  }
}

const newest = (project: string): RunList => ({ project, where: '', order: '-created', group: [] });
