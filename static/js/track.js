/**
 * The last minutes of a vehicle's stored track, fetched once when it is selected, so that its trail
 * and its speed do not begin with the selection.
 */

/** @typedef {{ms: number, lat: number, lon: number, kmh: number | null}} TrackPoint */

/** How far back, ms. */
export const TRACK_MS = 600_000;

/** A viewer who walks down the list does not want the track of every vehicle, ms. */
const AFTER_MS = 250;

/** Points asked for: ten minutes at more than one a second. */
const LIMIT = 1000;

export class TrackLoader {
  /** @type {AbortController | null} */ #request = null;
  /** @type {number | undefined} */ #timer;

  /**
   * @param {string} api base address
   * @param {(id: string, points: TrackPoint[]) => void} onTrack in order of time
   */
  constructor(api, onTrack) {
    this.api = api;
    this.onTrack = onTrack;
  }

  /** @param {string | null} id @param {number} serverNow Unix ms */
  load(id, serverNow) {
    clearTimeout(this.#timer);
    this.#request?.abort();
    if (id === null) return;
    this.#timer = window.setTimeout(() => void this.#fetch(id, serverNow - TRACK_MS), AFTER_MS);
  }

  /** @param {string} id @param {number} fromMs Unix ms */
  async #fetch(id, fromMs) {
    const request = new AbortController();
    this.#request = request;
    const from = encodeURIComponent(new Date(fromMs).toISOString());
    const address = `${this.api}/vehicles/${encodeURIComponent(id)}/positions`;
    try {
      const response = await fetch(`${address}?from=${from}&limit=${LIMIT}`, {
        signal: request.signal,
        headers: { Accept: "application/json" },
      });
      if (response.ok) this.onTrack(id, readTrack(await response.json()));
    } catch {
      // Aborted, or out of reach: the trail then grows from what is seen.
    }
  }
}

/**
 * The usable points of an answer.
 * @param {{positions?: Record<string, any>[]}} answer
 * @returns {TrackPoint[]}
 */
export function readTrack(answer) {
  const points = (answer.positions ?? []).map((position) => ({
    ms: Date.parse(position.fix_time),
    lat: Number(position.lat),
    lon: Number(position.lon),
    kmh: typeof position.speed_kmh === "number" ? position.speed_kmh : null,
    valid: position.valid !== false,
  }));
  return points
    .filter(({ ms, lat, lon, valid }) => valid && [ms, lat, lon].every(Number.isFinite))
    .map(({ ms, lat, lon, kmh }) => ({ ms, lat, lon, kmh }))
    .sort((a, b) => a.ms - b.ms);
}
