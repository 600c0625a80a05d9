/**
 * The vehicle list: a listbox of which only the rows in sight exist, so that ten thousand vehicles
 * cost as much as ten. It is the map's equal for those who cannot see or point at the map.
 */
import { Row } from "./rows.js";

/** @typedef {import("./desk.js").Desk} Desk */

/** Height of a row, px; the style sheet says the same. */
const ROW_PX = 56;

/** Rows kept ready above and below what is in sight. */
const SPARE_ROWS = 4;

/** Browsers cannot make an element taller than this; 500,000 rows fit. */
const MAX_HEIGHT_PX = 30_000_000;

/** Scrolling by touch keeps the order for this long, ms: there is no pointer to rest on a row. */
const SCROLL_FREEZE_MS = 2000;

export class List {
  /** @type {Row[]} */ #rows = [];
  /** Id of the row that arrow keys have reached. @type {string | null} */
  #active = null;
  #inside = false;
  #scrolledAt = -Infinity;

  /**
   * @param {Desk} desk
   * @param {{list: HTMLElement, space: HTMLElement, empty: HTMLElement, note: HTMLElement,
   *   title: HTMLElement, sort: HTMLSelectElement}} elements
   * @param {(slot: number) => void} onPick the selected vehicle was chosen once more
   */
  constructor(desk, elements, onPick) {
    this.desk = desk;
    this.elements = elements;
    this.onPick = onPick;
    const { list, sort } = elements;
    list.addEventListener("scroll", () => {
      this.#scrolledAt = performance.now();
      this.render();
    });
    list.addEventListener("pointerenter", (event) =>
      this.#setInside(event.pointerType === "mouse"),
    );
    list.addEventListener("pointerleave", () => this.#setInside(false));
    list.addEventListener("pointermove", (event) => this.#hover(event));
    list.addEventListener("click", (event) => this.#pick(rowOf(event)));
    list.addEventListener("keydown", (event) => this.#key(event));
    list.addEventListener("focus", () => this.render());
    list.addEventListener("blur", () => this.render());
    new ResizeObserver(() => this.render()).observe(list);
    sort.value = desk.order.sort;
    sort.addEventListener("change", () => {
      const key = /** @type {import("./order.js").SortKey} */ (sort.value);
      desk.order.sort = key;
      desk.save({ sort: key });
      desk.refilter();
      list.scrollTop = 0;
    });
    desk.filtered.subscribe(() => this.render());
    desk.second.subscribe(() => this.render());
    desk.frozen.subscribe(() => this.render());
    desk.selected.subscribe((id) => {
      if (id !== null) this.#reveal(id);
      this.render();
    });
  }

  /** Called before the order is worked out: rows do not move under the pointer. */
  freeze() {
    const { list } = this.elements;
    const scrolling = performance.now() - this.#scrolledAt < SCROLL_FREEZE_MS;
    this.desk.order.frozen = this.#inside || scrolling || list.matches(":focus-visible");
  }

  render() {
    const { desk } = this;
    const { list, space, empty } = this.elements;
    const { slots } = desk.order;
    const height = `${Math.min(MAX_HEIGHT_PX, slots.length * ROW_PX)}px`;
    if (space.style.height !== height) space.style.height = height;
    const first = Math.max(0, Math.floor(list.scrollTop / ROW_PX) - SPARE_ROWS);
    const last = Math.min(
      slots.length,
      Math.ceil((list.scrollTop + list.clientHeight) / ROW_PX) + SPARE_ROWS,
    );
    const serverNow = desk.serverNow();
    const focused = document.activeElement === list;
    let used = 0;
    for (let place = first; place < last; place += 1) {
      const slot = slots[place];
      if (!desk.store.isAlive(slot)) continue;
      const row = this.#row(used++);
      row.element.style.transform = `translateY(${place * ROW_PX}px)`;
      row.show(
        desk,
        slot,
        place,
        slots.length,
        serverNow,
        focused && desk.store.ids[slot] === this.#active,
      );
    }
    for (let i = used; i < this.#rows.length; i += 1) this.#rows[i].element.hidden = true;
    if (focused && this.#active) list.setAttribute("aria-activedescendant", `row-${this.#active}`);
    else list.removeAttribute("aria-activedescendant");
    empty.hidden = slots.length > 0 || desk.tick.value === null || desk.total === 0;
    if (!empty.hidden) empty.textContent = desk.t("list.nothing");
    this.#describe();
  }

  #describe() {
    const { desk } = this;
    const { title, note } = this.elements;
    const known = desk.tick.value !== null;
    const shown = desk.order.slots.length;
    const text =
      desk.filter.active || desk.narrowed
        ? desk.t("list.some", { shown, total: desk.total })
        : desk.t("list.all", { count: shown });
    title.textContent = known ? text : desk.t("list.label");
    note.hidden = !desk.narrowed;
    if (desk.narrowed) note.textContent = desk.t("list.narrowed");
  }

  /** @param {number} index */
  #row(index) {
    let row = this.#rows[index];
    if (!row) {
      row = new Row();
      this.#rows.push(row);
      this.elements.space.append(row.element);
    }
    row.element.hidden = false;
    return row;
  }

  /** @param {boolean} inside */
  #setInside(inside) {
    this.#inside = inside;
    if (!inside) this.desk.hovered.value = -1;
  }

  /** @param {Event} event */
  #hover(event) {
    const id = rowOf(event)?.dataset.vehicle;
    this.desk.hovered.value = id ? this.desk.store.slotOf(id) : -1;
  }

  /** @param {HTMLElement | null} row */
  #pick(row) {
    const id = row?.dataset.vehicle;
    if (id) this.#choose(id);
  }

  /** @param {string} id */
  #choose(id) {
    this.#active = id;
    if (id === this.desk.selected.value) this.onPick(this.desk.selectedSlot);
    else this.desk.select(id);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { slots } = this.desk.order;
    const { ids } = this.desk.store;
    const page = Math.max(1, Math.floor(this.elements.list.clientHeight / ROW_PX) - 1);
    const at = slots.findIndex((slot) => ids[slot] === this.#active);
    /** @type {Record<string, number>} */
    const targets = {
      ArrowDown: at + 1,
      ArrowUp: at < 0 ? 0 : at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: slots.length - 1,
    };
    if (event.key in targets && slots.length > 0) {
      const place = Math.max(0, Math.min(slots.length - 1, targets[event.key]));
      this.#active = ids[slots[place]];
      this.#scrollTo(place);
      this.render();
    } else if ((event.key === "Enter" || event.key === " ") && this.#active) {
      this.#choose(this.#active);
    } else {
      return;
    }
    event.preventDefault();
  }

  /** @param {string} id */
  #reveal(id) {
    this.#active = id;
    const slot = this.desk.store.slotOf(id);
    const place = this.desk.order.slots.indexOf(slot);
    if (place >= 0) this.#scrollTo(place);
  }

  /** Scrolls no further than needed. @param {number} place */
  #scrollTo(place) {
    const { list } = this.elements;
    const top = place * ROW_PX;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (top + ROW_PX > list.scrollTop + list.clientHeight)
      list.scrollTop = top + ROW_PX - list.clientHeight;
  }
}

/** @param {Event} event @returns {HTMLElement | null} */
function rowOf(event) {
  return event.target instanceof Element ? event.target.closest(".row") : null;
}
