/**
 * Fetches the full record of the selected vehicle: at once, then every few seconds, sooner when the
 * vehicle moves, and not at all while the server cannot be reached.
 */

/** @typedef {Record<string, any>} VehicleRecord as REST gives it */

/** How old a record may get, ms. */
const EVERY_MS = 5000;

/** How soon a newer position asks for a newer record, ms. */
const MOVED_EVERY_MS = 2000;

export class RecordPoller {
  /** @type {string | null} */ #id = null;
  #askedAt = -Infinity;
  #moved = false;
  /** @type {AbortController | null} */ #request = null;

  /**
   * @param {string} api base address @param {() => boolean} reachable
   * @param {(id: string, record: VehicleRecord | null) => void} onRecord null: there is none
   */
  constructor(api, reachable, onRecord) {
    this.api = api;
    this.reachable = reachable;
    this.onRecord = onRecord;
  }

  /** @param {string | null} id */
  watch(id) {
    this.#id = id;
    this.#askedAt = -Infinity;
    this.#request?.abort();
    this.#request = null;
    this.poll(performance.now());
  }

  /** The vehicle has a newer position. */
  moved() {
    this.#moved = true;
  }

  /** Called often; asks when it is time. @param {number} now monotonic ms */
  poll(now) {
    const age = now - this.#askedAt;
    const due = age >= EVERY_MS || (this.#moved && age >= MOVED_EVERY_MS);
    if (this.#id === null || !due || this.#request || document.hidden || !this.reachable()) return;
    this.#askedAt = now;
    this.#moved = false;
    void this.#fetch(this.#id);
  }

  /** @param {string} id */
  async #fetch(id) {
    const request = new AbortController();
    this.#request = request;
    try {
      const response = await fetch(`${this.api}/vehicles/${encodeURIComponent(id)}`, {
        signal: request.signal,
        headers: { Accept: "application/json" },
      });
      if (response.ok) this.#deliver(id, await response.json());
      else if (response.status === 404) this.#deliver(id, null);
    } catch {
      // Aborted, or out of reach: the pill says so, and the last record stays.
    } finally {
      if (this.#request === request) this.#request = null;
    }
  }

  /** @param {string} id @param {VehicleRecord | null} record */
  #deliver(id, record) {
    if (id === this.#id) this.onRecord(id, record);
  }
}
