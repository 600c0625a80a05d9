/**
 * A bottom sheet for small screens with three stops: peek, half, full. It is dragged by its head,
 * or stepped by tapping its handle, so that nothing needs a drag (WCAG 2.5.7).
 */

const STOPS = /** @type {const} */ (["peek", "half", "full"]);

/** @typedef {(typeof STOPS)[number]} Stop */

/** A press that moves less than this is a tap, px. */
const TAP_PX = 6;

/** Faster than this a drag is a throw and goes one stop on, px per ms. */
const THROW_PX_PER_MS = 0.5;

export class Sheet {
  /** @type {Stop} */ stop = "peek";

  /**
   * @param {HTMLElement} element with a .sheet-handle
   * @param {HTMLElement} head that can be dragged @param {MediaQueryList} small
   * @param {() => void} onChange after it came to rest
   */
  constructor(element, head, small, onChange) {
    this.element = element;
    this.small = small;
    this.onChange = onChange;
    const handle = /** @type {HTMLElement} */ (element.querySelector(".sheet-handle"));
    handle.addEventListener("click", (event) => {
      // A drag ends with a click as well; only the keyboard's has no pointer before it.
      if (event.detail === 0) this.step();
    });
    for (const grip of [handle, head])
      grip.addEventListener("pointerdown", (event) => this.#press(grip, event));
    small.addEventListener("change", () => this.set(this.stop));
    this.set("peek");
  }

  /** To the next stop, from the last to the first. */
  step() {
    this.set(STOPS[(STOPS.indexOf(this.stop) + 1) % STOPS.length]);
  }

  /** @param {Stop} stop */
  set(stop) {
    this.stop = stop;
    this.element.dataset.stop = stop;
    this.element.style.height = "";
    this.onChange();
  }

  /** @param {HTMLElement} grip @param {PointerEvent} event */
  #press(grip, event) {
    const onControl =
      event.target instanceof Element &&
      event.target.closest("button:not(.sheet-handle), select, a");
    if (!this.small.matches || onControl || event.button !== 0) return;
    const startY = event.clientY;
    const startHeight = this.element.getBoundingClientRect().height;
    let lastY = startY;
    let lastAt = event.timeStamp;
    let speed = 0;
    let moved = 0;
    this.element.classList.add("sheet-dragged");
    grip.setPointerCapture(event.pointerId);
    const move = (/** @type {PointerEvent} */ e) => {
      moved = Math.max(moved, Math.abs(e.clientY - startY));
      if (e.timeStamp > lastAt) speed = (lastY - e.clientY) / (e.timeStamp - lastAt);
      lastY = e.clientY;
      lastAt = e.timeStamp;
      this.element.style.height = `${Math.max(60, startHeight + startY - e.clientY)}px`;
    };
    const end = (/** @type {PointerEvent} */ e) => {
      grip.removeEventListener("pointermove", move);
      grip.removeEventListener("pointerup", end);
      grip.removeEventListener("pointercancel", end);
      this.element.classList.remove("sheet-dragged");
      if (moved < TAP_PX) {
        this.step();
        return;
      }
      this.set(e.type === "pointercancel" ? this.stop : this.#settle(speed));
    };
    grip.addEventListener("pointermove", move);
    grip.addEventListener("pointerup", end);
    grip.addEventListener("pointercancel", end);
  }

  /** @param {number} speed px per ms, upwards @returns {Stop} */
  #settle(speed) {
    const share = this.element.getBoundingClientRect().height / window.innerHeight;
    const nearest = share < 0.3 ? 0 : share < 0.7 ? 1 : 2;
    const thrown = Math.abs(speed) > THROW_PX_PER_MS ? Math.sign(speed) : 0;
    const from = STOPS.indexOf(this.stop);
    const place =
      thrown === 0
        ? nearest
        : Math.max(0, Math.min(2, Math.max(from, nearest) === from ? from + thrown : nearest));
    return STOPS[place];
  }
}
