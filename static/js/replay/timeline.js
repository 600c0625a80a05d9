/**
 * The timeline as a control: it is dragged, clicked, zoomed by the wheel and moved by keys; the
 * cursor and the pointer's line stand over ruler, speeds and lanes alike.
 */
import { Chart, fixedHeight } from "./chart.js";
import { TimeScale } from "./timescale.js";

/** Room for the speed axis and beyond the end, px. */
const LEFT_PX = 40;
const RIGHT_PX = 14;

/** Share of the data's length that is left free at each end of the first view. */
const MARGIN = 0.03;

/** How far keys move the cursor, ms. */
const KEY_STEPS = /** @type {Record<string, number>} */ ({
  ArrowLeft: -10_000,
  ArrowRight: 10_000,
  ArrowDown: -1000,
  ArrowUp: 1000,
  PageDown: -300_000,
  PageUp: 300_000,
});

/** A wheel's step that doubles the scale, px. */
const WHEEL_DOUBLE_PX = 240;

export class Timeline {
  scale = new TimeScale(0, 1);
  /** The viewer chose what is seen of the range. */
  #chosen = false;
  #dragging = false;

  /**
   * @param {{root: HTMLElement, canvas: HTMLCanvasElement, cursor: HTMLElement,
   *   bubble: HTMLElement, hover: HTMLElement, hoverText: HTMLElement}} elements
   * @param {import("./session.js").Session} session
   * @param {{colours: () => import("./colours.js").ReplayColours,
   *   strings: () => import("../i18n.js").Strings, tip: (ms: number) => string}} look
   */
  constructor(elements, session, look) {
    this.elements = elements;
    this.session = session;
    this.look = look;
    this.chart = new Chart(elements.canvas);
    new ResizeObserver(() => this.layout()).observe(elements.root);
    this.#listen();
  }

  /** Another range: all of it is seen until data says where to look. */
  reset() {
    this.scale = new TimeScale(this.session.from, this.session.to);
    this.#chosen = false;
    this.layout();
  }

  /** The part with data fills the width, until the viewer zooms. */
  fitData() {
    const extent = this.session.extent();
    if (this.#chosen || !extent) return;
    const margin = Math.max(30_000, (extent.last - extent.first) * MARGIN);
    this.scale.show(extent.first - margin, extent.last + margin);
  }

  showAll() {
    this.#chosen = true;
    this.scale.show(this.session.from, this.session.to);
    this.draw();
  }

  /** @param {number} factor above 1: closer */
  zoom(factor) {
    this.#chosen = true;
    this.scale.zoom(factor, this.session.now());
    this.draw();
  }

  /** Fits the canvas to its element and the number of lanes. */
  layout() {
    const { root } = this.elements;
    root.style.setProperty("--fixed", `${fixedHeight(Math.max(1, this.session.tracks.length))}px`);
    const { width, height } = root.getBoundingClientRect();
    if (width === 0) return;
    this.chart.resize(width, height);
    this.scale.left = LEFT_PX;
    this.scale.width = Math.max(50, width - LEFT_PX - RIGHT_PX);
    this.draw();
  }

  draw() {
    const { session, look } = this;
    this.chart.draw(
      session.tracks,
      session.active.value,
      this.scale,
      look.colours(),
      look.strings(),
    );
    this.place(session.now());
  }

  /** Puts the cursor. @param {number} ms Unix */
  place(ms) {
    if (!this.#dragging && this.session.playhead.playing && this.scale.reveal(ms)) this.draw();
    const { root, cursor, bubble } = this.elements;
    const x = this.scale.xOf(ms);
    const outside = x < LEFT_PX - 1 || x > LEFT_PX + this.scale.width + 1;
    cursor.classList.toggle("replay-cursor-outside", outside);
    cursor.style.transform = `translateX(${x.toFixed(1)}px)`;
    const strings = this.look.strings();
    const text = strings.clock(ms);
    if (bubble.textContent !== text) {
      bubble.textContent = text;
      this.#tell(ms, `${strings.day(ms)} ${text}`);
    }
    const half = bubble.offsetWidth / 2;
    const shift = Math.max(half - x, Math.min(0, root.clientWidth - half - x));
    bubble.style.transform = `translateX(calc(-50% + ${shift.toFixed(1)}px))`;
  }

  /** For assistive technology. @param {number} ms Unix @param {string} words */
  #tell(ms, words) {
    const { root } = this.elements;
    const seconds = (/** @type {number} */ time) => String(Math.round(time / 1000));
    root.setAttribute("aria-valuemin", seconds(this.session.from));
    root.setAttribute("aria-valuemax", seconds(this.session.to));
    root.setAttribute("aria-valuenow", seconds(ms));
    root.setAttribute("aria-valuetext", words);
  }

  #listen() {
    const { root } = this.elements;
    const msAt = (/** @type {MouseEvent} */ event) =>
      this.scale.msOf(event.clientX - root.getBoundingClientRect().left);
    root.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.#dragging = true;
      root.setPointerCapture(event.pointerId);
      this.session.seek(msAt(event));
    });
    root.addEventListener("pointermove", (event) => {
      if (this.#dragging) this.session.seek(msAt(event));
      if (event.pointerType === "mouse") this.#hover(msAt(event));
    });
    for (const name of /** @type {const} */ (["pointerup", "pointercancel"]))
      root.addEventListener(name, () => (this.#dragging = false));
    root.addEventListener("pointerleave", () => (this.elements.hover.hidden = true));
    root.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        this.#chosen = true;
        const span = this.scale.end - this.scale.start;
        if (Math.abs(event.deltaX) > Math.abs(event.deltaY))
          this.scale.pan((event.deltaX / this.scale.width) * span);
        else this.scale.zoom(2 ** (-event.deltaY / WHEEL_DOUBLE_PX), msAt(event));
        this.draw();
      },
      { passive: false },
    );
    root.addEventListener("keydown", (event) => {
      const step = KEY_STEPS[event.key];
      if (event.key === "Home") this.#seekByKey(event, this.session.from);
      else if (event.key === "End") this.#seekByKey(event, this.session.to);
      else if (step) this.#seekByKey(event, this.session.now() + step * (event.shiftKey ? 6 : 1));
    });
  }

  /** @param {KeyboardEvent} event @param {number} ms Unix */
  #seekByKey(event, ms) {
    event.preventDefault();
    this.session.seek(ms);
    if (this.scale.reveal(this.session.now())) this.draw();
  }

  /** @param {number} ms Unix */
  #hover(ms) {
    const { root, hover, hoverText } = this.elements;
    const x = this.scale.xOf(ms);
    hover.hidden = x < LEFT_PX;
    hover.style.transform = `translateX(${x.toFixed(1)}px)`;
    hoverText.textContent = this.look.tip(ms);
    hoverText.classList.toggle("replay-hover-left", x > root.clientWidth - 170);
  }
}
