/**
 * Streets as they emerge from what was driven while the page is open; pure.
 *
 * Where no street map is configured, each step of each vehicle becomes a piece of road. Pieces are
 * counted by where they are and how they run, in either direction: the first few are kept, later
 * ones only make the street a busier one. So memory follows the length of the streets and not the
 * time the page is open; when it is full after all, the oldest pieces make room.
 */

/** Pieces kept: at four to 15 m some 600 km of street, in 6 MB. */
export const MAX_PIECES = 160_000;

/** Side of the squares in which pieces count as the same: world units; 15 m at the equator. */
const SQUARE = 15 / 40_075_017;

/** Bins of direction over 180 degrees. */
const DIRECTIONS = 8;

/** Pieces kept of one place and direction: four steps of a slow vehicle fill a square. */
const PIECES_PER_PLACE = 4;

/** Passages after which a street counts as busy. */
export const BUSY_FROM = 8;

/** Passages that are counted. */
const MAX_PASSAGES = 255;

export class Roads {
  /** x1, y1, x2, y2 in world coordinates, piece after piece. */
  ends = new Float64Array(0);
  /** Pieces held. */
  count = 0;
  /** Pieces added since `takeFresh`. @type {number[]} */
  #fresh = [];
  #next = 0;
  #capacity;
  /** Passages by place and direction. @type {Map<number, number>} */
  #passages = new Map();
  /** Place and direction of each piece. */
  #keys = new Float64Array(0);

  /** @param {number} capacity pieces */
  constructor(capacity = MAX_PIECES) {
    this.#capacity = capacity;
  }

  /**
   * A vehicle drove from one place to the next; world coordinates.
   * @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2
   */
  add(x1, y1, x2, y2) {
    const key = pieceKey(x1, y1, x2, y2);
    const passages = (this.#passages.get(key) ?? 0) + 1;
    this.#passages.set(key, Math.min(MAX_PASSAGES, passages));
    if (passages > PIECES_PER_PLACE) return;
    const piece = this.#next;
    this.#next = (this.#next + 1) % this.#capacity;
    this.#reserve(piece);
    if (piece < this.count) this.#passages.delete(this.#keys[piece]);
    this.count = Math.max(this.count, piece + 1);
    this.ends.set([x1, y1, x2, y2], piece * 4);
    this.#keys[piece] = key;
    this.#fresh.push(piece);
  }

  /** Whether a piece belongs to a street that many drove. @param {number} piece */
  isBusy(piece) {
    return (this.#passages.get(this.#keys[piece]) ?? 0) >= BUSY_FROM;
  }

  /** Pieces added since the last call. */
  takeFresh() {
    const fresh = this.#fresh;
    this.#fresh = [];
    return fresh;
  }

  /** @param {number} piece */
  #reserve(piece) {
    if (piece < this.#keys.length) return;
    const size = Math.min(this.#capacity, Math.max(1024, this.#keys.length * 2));
    const ends = new Float64Array(size * 4);
    ends.set(this.ends);
    this.ends = ends;
    const keys = new Float64Array(size);
    keys.set(this.#keys);
    this.#keys = keys;
  }
}

/**
 * Square of a piece's middle (22 bits each way) and its direction (3 bits).
 * @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2
 */
function pieceKey(x1, y1, x2, y2) {
  const column = Math.floor((x1 + x2) / 2 / SQUARE);
  const row = Math.floor((y1 + y2) / 2 / SQUARE);
  const turn = Math.atan2(y2 - y1, x2 - x1) / Math.PI + 1;
  const direction = Math.floor((turn % 1) * DIRECTIONS) % DIRECTIONS;
  return (column * 2 ** 22 + row) * DIRECTIONS + direction;
}
