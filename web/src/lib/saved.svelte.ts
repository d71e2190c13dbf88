/** Settings of this browser, in localStorage; a wrong or missing value is the default. */

export class Saved<T> {
  #value = $state.raw() as T;
  readonly #key: string;

  constructor(name: string, initial: T) {
    this.#key = `notabene.${name}`;
    this.#value = initial;
    try {
      const text = localStorage.getItem(this.#key);
      if (text !== null) this.#value = JSON.parse(text) as T;
    } catch {
      // no storage, or not ours: the default
    }
  }

  get value(): T {
    return this.#value;
  }

  set value(value: T) {
    this.#value = value;
    try {
      localStorage.setItem(this.#key, JSON.stringify(value));
    } catch {
      // full or forbidden: it holds until the page is closed
    }
  }
}
