/** The run that this one is compared with: chosen in the address, else the one before it. */
import * as shared from '../../api/calls';
import type { RunDetail } from '../../api/types';
import { resource, type Resource } from '../../lib/resource.svelte';
import type { RunPage } from './page.svelte';

export class Baseline {
  private readonly found: Resource<RunDetail>;

  constructor(private readonly page: RunPage) {
    page.wantOthers();
    this.found = resource(
      () => this.id || null,
      (id, signal) => shared.run(id, { signal }),
      { keep: false },
    );
  }

  /** The run of the project that came to be before this one. */
  get before(): string {
    const list = this.page.others.data;
    const mine = this.page.run;
    if (!list || !mine) return '';
    const at = list.runs.findIndex((one) => one.id === mine.id);
    if (at >= 0) return list.runs[at + 1]?.id ?? '';
    // put aside, or very old; ids begin with the time: of two the later one sorts behind
    const earlier = list.runs.map((one) => one.id).filter((id) => id < mine.id);
    return earlier.sort().at(-1) ?? '';
  }

  get id(): string {
    const chosen = this.page.view.now.ref;
    if (chosen === 'none') return '';
    return chosen || this.before;
  }

  get run(): RunDetail | undefined {
    return this.id ? this.found.data : undefined;
  }

  get error(): unknown {
    return this.id ? this.found.error : undefined;
  }
}
