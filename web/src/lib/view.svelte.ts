/** A page's view state, kept in the address. */
import { router } from './router.svelte';
import { readView, writeView, type Schema, type StateOf } from './view';

export class ViewState<S extends Schema> {
  readonly #schema: S;
  readonly #path: string;
  #state: StateOf<S>;

  constructor(schema: S) {
    this.#schema = schema;
    this.#path = router.path;
    let last = readView(schema, router.search);
    this.#state = $derived.by(() => {
      if (router.path === this.#path) last = readView(schema, router.search);
      return last;
    });
  }

  get now(): StateOf<S> {
    return this.#state;
  }

  /** Text of the query, for saving the view under a name. */
  get text(): string {
    return writeView(this.#schema, this.#state);
  }

  /** What a person would want to step back from is pushed; sliders and the like replace. */
  set(change: Partial<StateOf<S>>, options: { replace?: boolean } = {}): void {
    router.query(writeView(this.#schema, { ...this.#state, ...change }, router.search), options);
  }

  reset(): void {
    router.query('');
  }
}
