/**
 * What a replay asks of the server: the vehicle, which blocks have data, trips and stops, blocks.
 */
import { isoSeconds } from "./place.js";
import { readBlock } from "./series.js";

/** Blocks at a time; browsers open six connections to a host, and the page needs some itself. */
const AT_ONCE = 4;

/** Positions of one vehicle that are kept; beyond it the server is asked for fewer. */
const MAX_POSITIONS = 200_000;

/** The coarsest step that blocks are asked for with, s. */
const MAX_STEP_S = 60;

/**
 * @typedef {object} Piece of a timeline
 * @property {"trip" | "stop" | "gap"} kind
 * @property {number} start @property {number} end Unix ms
 * @property {{lat: number, lon: number} | null} place where a stop is, or a trip begins
 * @property {number} [distanceM] @property {number} [meanKmh] @property {number | null} [maxKmh]
 * @property {number} [idleMs]
 */

/** @typedef {{block: number, minutes: number[]}} ManifestBlock */
/** @typedef {{id: string, name: string, device: string, lastMs: number | null}} FoundVehicle */

/** A block that did not come is asked for so many times in all, each time a little later, ms. */
const TRIES = 3;
const RETRY_MS = 500;

/** The server said no; its words. */
export class RefusedError extends Error {}

export class Source {
  #free = AT_ONCE;
  /** @type {(() => void)[]} */ #waiting = [];

  /** @param {string} api base address */
  constructor(api) {
    this.api = api;
  }

  /**
   * Does work when it is its turn: of all vehicles together, so many at a time.
   * @template T
   * @param {() => Promise<T>} work
   */
  async #inTurn(work) {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise((go) => this.#waiting.push(() => go(undefined)));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }

  /** @param {string} path @param {AbortSignal} [signal] @returns {Promise<any>} */
  async #get(path, signal) {
    const response = await fetch(this.api + path, {
      signal,
      headers: { Accept: "application/json" },
    });
    if (response.ok) return response.json();
    const problem = await response.json().catch(() => ({}));
    throw new RefusedError(problem.detail ?? `${response.status} ${response.statusText}`);
  }

  /** @param {string} id @param {AbortSignal} [signal] @returns {Promise<FoundVehicle>} */
  async vehicle(id, signal) {
    return found(await this.#get(`/vehicles/${encodeURIComponent(id)}`, signal));
  }

  /** @param {string} words @param {number} limit @param {AbortSignal} signal */
  async search(words, limit, signal) {
    const query = new URLSearchParams({ limit: String(limit) });
    if (words !== "") query.set("q", words);
    const answer = await this.#get(`/vehicles?${query}`, signal);
    return /** @type {FoundVehicle[]} */ (answer.vehicles.map(found));
  }

  /**
   * Which blocks have data, and how much in each minute.
   * @param {string} id @param {number} from @param {number} to Unix ms @param {AbortSignal} signal
   * @returns {Promise<{blockMs: number, blocks: ManifestBlock[]}>}
   */
  async manifest(id, from, to, signal) {
    const answer = await this.#get(`${vehiclePath(id)}/playback?${span(from, to)}`, signal);
    return { blockMs: answer.block_s * 1000, blocks: answer.blocks };
  }

  /**
   * @param {string} id @param {number} from @param {number} to Unix ms @param {AbortSignal} signal
   * @returns {Promise<{gapMs: number, pieces: Piece[]}>}
   */
  async timeline(id, from, to, signal) {
    const answer = await this.#get(`${vehiclePath(id)}/timeline?${span(from, to)}`, signal);
    return { gapMs: answer.rules.gap_s * 1000, pieces: answer.pieces.map(readPiece) };
  }

  /** @param {string} id @param {number} block @param {number} stepS @param {AbortSignal} signal */
  async #tryBlock(id, block, stepS, signal) {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.block(id, block, stepS, signal);
      } catch (error) {
        if (signal.aborted || error instanceof RefusedError || tries === TRIES) throw error;
        await new Promise((resolve) => setTimeout(resolve, tries * RETRY_MS));
      }
    }
  }

  /**
   * One block of one vehicle: an address that the browser keeps.
   * @param {string} id @param {number} block @param {number} stepS @param {AbortSignal} signal
   */
  async block(id, block, stepS, signal) {
    const step = stepS > 1 ? `&step_s=${stepS}` : "";
    const answer = await this.#get(
      `/playback/${block}?vehicles=${encodeURIComponent(id)}${step}`,
      signal,
    );
    const [columns] = answer.vehicles;
    return columns ? readBlock(columns, answer.start_ms) : null;
  }

  /**
   * All blocks of a vehicle, those nearest to a moment first.
   * @param {string} id @param {ManifestBlock[]} blocks
   * @param {{near: number, signal: AbortSignal,
   *   take: (block: number, part: import("./series.js").Part | null) => void}} options
   */
  async blocks(id, blocks, { near, signal, take }) {
    const queue = blocks
      .map(({ block }) => block)
      .sort((a, b) => Math.abs(a - near) - Math.abs(b - near));
    const stepS = stepFor(blocks);
    const worker = async () => {
      for (let block = queue.shift(); block !== undefined; block = queue.shift()) {
        take(block, await this.#inTurn(() => this.#tryBlock(id, block, stepS, signal)));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  /** Where the track can be had as a file. @param {string} id @param {string} format */
  exportUrl(id, format, /** @type {number} */ from, /** @type {number} */ to) {
    return `${this.api}${vehiclePath(id)}/positions.${format}?${span(from, to)}`;
  }
}

/** Seconds between positions so that there are not too many. @param {ManifestBlock[]} blocks */
export function stepFor(blocks) {
  let total = 0;
  let minutes = 0;
  for (const block of blocks) {
    for (const count of block.minutes) {
      total += count;
      if (count > 0) minutes += 1;
    }
  }
  if (total <= MAX_POSITIONS) return 0;
  return Math.min(MAX_STEP_S, Math.ceil((minutes * 60) / MAX_POSITIONS) + 1);
}

/** @param {string} id */
function vehiclePath(id) {
  return `/vehicles/${encodeURIComponent(id)}`;
}

/** @param {number} from @param {number} to Unix ms */
function span(from, to) {
  return `from=${isoSeconds(from)}&to=${isoSeconds(to)}`;
}

/** @param {Record<string, any>} vehicle @returns {FoundVehicle} */
function found(vehicle) {
  const lastMs = Date.parse(vehicle.position?.fix_time ?? "");
  return {
    id: vehicle.id,
    name: vehicle.name || vehicle.device,
    device: vehicle.device,
    lastMs: Number.isNaN(lastMs) ? null : lastMs,
  };
}

/** @param {Record<string, any>} piece as the server words it @returns {Piece} */
export function readPiece(piece) {
  return {
    kind: piece.kind,
    start: Date.parse(piece.start_time),
    end: Date.parse(piece.end_time),
    place: piece.place ?? piece.start ?? null,
    distanceM: piece.distance_m,
    meanKmh: piece.mean_speed_kmh,
    maxKmh: piece.max_speed_kmh,
    idleMs: piece.idle_s === undefined ? undefined : piece.idle_s * 1000,
  };
}
