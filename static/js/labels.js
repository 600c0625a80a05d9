/**
 * Names beside markers, without overlap.
 *
 * Which vehicles get a name, and on which side, is worked out a few times a second on a coarse grid
 * of taken screen cells; a name that has its place keeps it while it can, so that names do not
 * flicker. Names are rendered once and then copied.
 */

/** Names on the screen at most: more cannot be read. */
const MAX_LABELS = 140;

/** Side of a screen cell, px. */
const CELL_PX = 8;

/** Rendered names kept. */
const CACHE_SIZE = 800;

/** Beyond this many markers in view their own places are not kept free: there would be no room. */
const AVOID_MARKERS_UP_TO = 500;

/** Weight and size of names; the family comes from the style sheet. */
const FONT = "550 11.5px";
const HEIGHT_PX = 18;
const MARGIN_PX = 3;
const PLATE_MARGIN_PX = 7;
const SIDES = /** @type {const} */ (["right", "left", "below", "above"]);

/** @typedef {import("./palette.js").Palette} Palette */
/** @typedef {{slot: number, dx: number, dy: number, side: number}} Place */

export class Labels {
  /** @type {Map<number, Place>} */
  places = new Map();
  /** @type {Map<string, {canvas: HTMLCanvasElement, width: number}>} */
  #cache = new Map();
  /** @type {Map<string, number>} */
  #widths = new Map();
  #measure = /** @type {CanvasRenderingContext2D} */ (
    document.createElement("canvas").getContext("2d")
  );
  #taken = new Uint8Array(0);
  #columns = 0;
  #rows = 0;
  #inner = { left: 0, top: 0, right: 0, bottom: 0 };

  /**
   * Decides which markers get a name.
   * @param {number[] | Int32Array} slots in view, in order of importance
   * @param {(slot: number) => [number, number] | null} at position on the canvas, px
   * @param {(slot: number) => number} widthOf width of the name, px
   * @param {{width: number, height: number, radius: number,
   *   inner: {left: number, top: number, right: number, bottom: number}}} frame `inner` is the part
   *   of the canvas in which names can be read
   */
  assign(slots, at, widthOf, frame) {
    this.#reset(frame.width, frame.height);
    this.#inner = frame.inner;
    if (slots.length <= AVOID_MARKERS_UP_TO) {
      for (const slot of slots) {
        const point = at(slot);
        const r = frame.radius * 0.7;
        if (point) this.#take(point[0] - r, point[1] - r, 2 * r, 2 * r, true);
      }
    }
    const before = this.places;
    this.places = new Map();
    const ranked = [...slots].filter((slot) => before.has(slot));
    for (const slot of slots) if (!before.has(slot)) ranked.push(slot);
    for (const slot of ranked) {
      if (this.places.size >= MAX_LABELS) break;
      const point = at(slot);
      if (point) this.#place(slot, point, widthOf(slot), frame.radius, before.get(slot)?.side ?? 0);
    }
  }

  /** Drops what was rendered: the theme or the fonts changed. */
  clear() {
    this.#cache.clear();
    this.#widths.clear();
  }

  /** Width of a name with its margins, px. @param {string} text @param {Palette} palette */
  width(text, palette) {
    let width = this.#widths.get(text);
    if (width === undefined) {
      if (this.#widths.size >= 4 * CACHE_SIZE) this.#widths.clear();
      this.#measure.font = `${FONT} ${palette.font}`;
      width = Math.ceil(this.#measure.measureText(text).width) + 2 * MARGIN_PX;
      this.#widths.set(text, width);
    }
    return width;
  }

  /**
   * @param {CanvasRenderingContext2D} context @param {string} text
   * @param {number} x left @param {number} y top, px
   * @param {Palette} palette @param {number} ratio @param {boolean} strong on a plate of its own
   */
  draw(context, text, x, y, palette, ratio, strong) {
    const { canvas, width } = this.#render(text, palette, ratio, strong);
    const left = Math.round(x * ratio) / ratio;
    const top = Math.round(y * ratio) / ratio;
    context.drawImage(canvas, left, top, width, HEIGHT_PX);
  }

  /**
   * @param {number} slot
   * @param {[number, number]} point
   * @param {number} width
   * @param {number} r
   * @param {number} first
   */
  #place(slot, [x, y], width, r, first) {
    for (let k = 0; k < SIDES.length; k += 1) {
      const side = (first + k) % SIDES.length;
      const { dx, dy } = offset(side, width, r);
      if (
        this.#isInside(x + dx, y + dy, width) &&
        this.#take(x + dx, y + dy, width, HEIGHT_PX, false)
      ) {
        this.places.set(slot, { slot, dx, dy, side });
        return;
      }
    }
  }

  /** @param {number} x @param {number} y @param {number} width */
  #isInside(x, y, width) {
    const { left, top, right, bottom } = this.#inner;
    return x >= left && y >= top && x + width <= right && y + HEIGHT_PX <= bottom;
  }

  #reset(/** @type {number} */ width, /** @type {number} */ height) {
    this.#columns = Math.ceil(width / CELL_PX) + 1;
    this.#rows = Math.ceil(height / CELL_PX) + 1;
    const cells = this.#columns * this.#rows;
    if (this.#taken.length < cells) this.#taken = new Uint8Array(cells);
    else this.#taken.fill(0);
  }

  /** Takes the cells under a rectangle; false, and nothing taken, when one is taken already. */
  #take(
    /** @type {number} */ x,
    /** @type {number} */ y,
    /** @type {number} */ width,
    /** @type {number} */ height,
    /** @type {boolean} */ regardless,
  ) {
    const left = Math.floor(x / CELL_PX);
    const top = Math.floor(y / CELL_PX);
    const right = Math.floor((x + width) / CELL_PX);
    const bottom = Math.floor((y + height) / CELL_PX);
    const inside = left >= 0 && top >= 0 && right < this.#columns && bottom < this.#rows;
    if (!inside) return false;
    const taken = this.#taken;
    if (!regardless) {
      for (let row = top; row <= bottom; row += 1) {
        for (let column = left; column <= right; column += 1) {
          if (taken[row * this.#columns + column] === 1) return false;
        }
      }
    }
    for (let row = top; row <= bottom; row += 1) {
      taken.fill(1, row * this.#columns + left, row * this.#columns + right + 1);
    }
    return true;
  }

  /** @param {string} text @param {Palette} palette @param {number} ratio @param {boolean} strong */
  #render(text, palette, ratio, strong) {
    const key = `${palette.name}|${strong ? 1 : 0}|${ratio}|${text}`;
    const known = this.#cache.get(key);
    if (known) return known;
    if (this.#cache.size >= CACHE_SIZE) {
      const [oldest] = this.#cache.keys();
      this.#cache.delete(oldest);
    }
    const made = renderName(text, palette, ratio, strong);
    this.#cache.set(key, made);
    return made;
  }
}

/**
 * Where a name lies, seen from its marker.
 * @param {number} side
 * @param {number} width
 * @param {number} r
 */
export function offset(side, width, r) {
  switch (SIDES[side]) {
    case "right":
      return { dx: r + 1, dy: -HEIGHT_PX / 2 };
    case "left":
      return { dx: -r - 1 - width, dy: -HEIGHT_PX / 2 };
    case "below":
      return { dx: -width / 2, dy: r + 1 };
    default:
      return { dx: -width / 2, dy: -r - 1 - HEIGHT_PX };
  }
}

/** Longer names are cut on the map; the list and the panel have them whole. */
const LONGEST_NAME = 20;

/** The last digits of an identity tell vehicles apart, the first are those of the maker. */
const IDENTITY_DIGITS = 6;

/** A name as it stands on the map. @param {string} name */
export function shortName(name) {
  if (/^\d{10,}$/.test(name)) return `…${name.slice(-IDENTITY_DIGITS)}`;
  return name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 1).trimEnd()}…` : name;
}

/** @param {string} text @param {Palette} palette @param {number} ratio @param {boolean} strong */
function renderName(text, palette, ratio, strong) {
  const canvas = document.createElement("canvas");
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.font = `${FONT} ${palette.font}`;
  const margin = strong ? PLATE_MARGIN_PX : MARGIN_PX;
  const width = Math.ceil(context.measureText(text).width) + 2 * margin;
  canvas.width = Math.ceil(width * ratio);
  canvas.height = Math.ceil(HEIGHT_PX * ratio);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.font = `${FONT} ${palette.font}`;
  context.textBaseline = "middle";
  context.lineJoin = "round";
  if (strong) {
    context.fillStyle = palette.accent;
    context.beginPath();
    context.roundRect(0, 0, width, HEIGHT_PX, HEIGHT_PX / 2);
    context.fill();
    context.fillStyle = palette.textHalo;
  } else {
    context.strokeStyle = palette.textHalo;
    context.lineWidth = 3;
    context.strokeText(text, margin, HEIGHT_PX / 2 + 0.5);
    context.fillStyle = palette.text;
  }
  context.fillText(text, margin, HEIGHT_PX / 2 + 0.5);
  return { canvas, width };
}
