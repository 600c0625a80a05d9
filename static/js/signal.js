/**
 * A value that tells others when it changes, and a happening that tells others that it happened.
 */

/** @template T */
export class Signal {
  #value;
  /** @type {((value: T) => void)[]} */ #listeners = [];

  /** @param {T} value */
  constructor(value) {
    this.#value = value;
  }

  get value() {
    return this.#value;
  }

  set value(value) {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of this.#listeners) listener(value);
  }

  /** Calls back at each change. @param {(value: T) => void} listener */
  subscribe(listener) {
    this.#listeners.push(listener);
  }

  /** Calls back now and at each change. @param {(value: T) => void} listener */
  bind(listener) {
    this.subscribe(listener);
    listener(this.#value);
  }
}

/** @template T */
export class Topic {
  /** @type {((value: T) => void)[]} */ #listeners = [];

  /** @param {(value: T) => void} listener */
  subscribe(listener) {
    this.#listeners.push(listener);
  }

  /** @param {T} value */
  publish(value) {
    for (const listener of this.#listeners) listener(value);
  }
}
