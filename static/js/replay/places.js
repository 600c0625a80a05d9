/**
 * The list of a vehicle's trips, stops and gaps. Choosing one moves the cursor and the map; the one
 * that the cursor is in is marked.
 */
/** @typedef {import("./source.js").Piece} Piece */
/** @typedef {import("../i18n.js").Strings} Strings */

const GLYPHS = { trip: "s-moving", stop: "s-parked", gap: "s-offline" };
/** A silence at the edge of the range that is shorter than this is not worth a row, ms. */
const WORTH_MS = 60_000;

const SVG = "http://www.w3.org/2000/svg";

export class Places {
  /** @type {Piece[]} */ #pieces = [];
  /** @type {HTMLButtonElement[]} */ #buttons = [];
  #current = -1;

  /**
   * @param {{list: HTMLElement, summary: HTMLElement}} elements
   * @param {() => Strings} strings @param {(piece: Piece) => void} onPick
   */
  constructor(elements, strings, onPick) {
    this.elements = elements;
    this.strings = strings;
    this.onPick = onPick;
  }

  /** @param {Piece[]} pieces */
  show(pieces) {
    this.#pieces = pieces.filter(
      ({ kind, start, end }) => kind !== "gap" || end - start >= WORTH_MS,
    );
    this.#current = -1;
    const strings = this.strings();
    this.#buttons = [];
    const rows = [];
    let day = "";
    for (const piece of this.#pieces) {
      const text = strings.day(piece.start);
      if (text !== day) {
        day = text;
        const heading = document.createElement("li");
        heading.className = "replay-day";
        heading.textContent = text;
        rows.push(heading);
      }
      rows.push(this.#row(piece, strings));
    }
    this.elements.list.replaceChildren(...rows);
    this.elements.summary.textContent = summary(pieces, strings);
  }

  /** @param {Piece} piece @param {Strings} strings */
  #row(piece, strings) {
    const row = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = `replay-piece replay-piece-${piece.kind}`;
    button.dataset.test = `replay-${piece.kind}`;
    button.dataset.start = String(piece.start);
    const glyph = document.createElementNS(SVG, "svg");
    glyph.setAttribute("class", "glyph");
    glyph.setAttribute("aria-hidden", "true");
    const use = document.createElementNS(SVG, "use");
    use.setAttribute("href", `#${GLYPHS[piece.kind]}`);
    glyph.append(use);
    const span = `${strings.minute(piece.start)} – ${strings.minute(piece.end)}`;
    const time = line("replay-piece-time", span);
    const kind = line("replay-piece-kind", strings.t(`replay.${piece.kind}`));
    const length = line("replay-piece-length", strings.duration(piece.end - piece.start));
    button.append(glyph, time, length, kind, line("replay-piece-facts", facts(piece, strings)));
    button.addEventListener("click", () => this.onPick(piece));
    row.append(button);
    this.#buttons.push(button);
    return row;
  }

  /** Marks the piece in which a moment lies. @param {number} ms Unix */
  mark(ms) {
    const place = this.#pieces.findLastIndex(({ start }) => start <= ms + 0.5);
    const found = place >= 0 && ms <= this.#pieces[place].end ? place : -1;
    if (found === this.#current) return;
    this.#buttons[this.#current]?.removeAttribute("aria-current");
    this.#current = found;
    const button = this.#buttons[found];
    if (!button) return;
    button.setAttribute("aria-current", "true");
    const { list } = this.elements;
    const box = button.getBoundingClientRect();
    const frame = list.getBoundingClientRect();
    if (box.top < frame.top) list.scrollTop -= frame.top - box.top + 30;
    else if (box.bottom > frame.bottom) list.scrollTop += box.bottom - frame.bottom + 8;
  }
}

/** @param {string} name @param {string} text */
function line(name, text) {
  const span = document.createElement("span");
  span.className = name;
  span.textContent = text;
  return span;
}

/** @param {Piece} piece @param {Strings} strings */
function facts(piece, strings) {
  if (piece.kind === "trip") {
    const kmh = (/** @type {number | null | undefined} */ value) =>
      value === null || value === undefined
        ? "–"
        : strings.unit(Math.round(value), "kilometer-per-hour");
    return [
      distance(piece.distanceM ?? 0, strings),
      strings.t("replay.mean", { speed: kmh(piece.meanKmh) }),
      strings.t("replay.max", { speed: kmh(piece.maxKmh) }),
    ].join(" · ");
  }
  if (piece.kind === "stop" && (piece.idleMs ?? 0) >= 60_000)
    return strings.t("replay.idle", { duration: strings.duration(piece.idleMs ?? 0) });
  return "";
}

/** @param {number} metres @param {Strings} strings */
export function distance(metres, strings) {
  return metres < 1000
    ? strings.unit(Math.round(metres), "meter")
    : strings.unit(metres / 1000, "kilometer", metres < 100_000 ? 1 : 0);
}

/** @param {Piece[]} pieces @param {Strings} strings */
function summary(pieces, strings) {
  const trips = pieces.filter(({ kind }) => kind === "trip");
  const stops = pieces.filter(({ kind }) => kind === "stop");
  const metres = trips.reduce((sum, { distanceM }) => sum + (distanceM ?? 0), 0);
  return [
    strings.t("replay.trips", { count: trips.length }),
    strings.t("replay.stops", { count: stops.length }),
    distance(metres, strings),
  ].join(" · ");
}
