/**
 * The five state counters, which are filter buttons, and the chip that says in words what is
 * filtered.
 */
import { STATES } from "./model.js";

/** @typedef {import("./desk.js").Desk} Desk */

export class Counters {
  /** @type {HTMLElement[]} */ #buttons;

  /**
   * @param {Desk} desk @param {HTMLElement} host
   * @param {{chip: HTMLElement, text: HTMLElement, clear: HTMLElement}} chip
   */
  constructor(desk, host, chip) {
    this.desk = desk;
    this.chip = chip;
    this.#buttons = STATES.map(
      (name) => /** @type {HTMLElement} */ (host.querySelector(`[data-state="${name}"]`)),
    );
    this.#buttons.forEach((button, state) => {
      button.addEventListener("click", () => desk.toggleState(state));
    });
    chip.clear.addEventListener("click", () => desk.clearFilter());
    desk.filtered.subscribe(() => this.render());
    desk.strings.subscribe(() => this.render());
    this.render();
  }

  render() {
    const { desk, chip } = this;
    const chosen = desk.filter.states;
    this.#buttons.forEach((button, state) => {
      const number = /** @type {HTMLElement} */ (button.querySelector(".counter-number"));
      const text =
        desk.tick.value === null ? "–" : desk.strings.value.whole.format(desk.counts[state]);
      if (number.textContent !== text) number.textContent = text;
      button.setAttribute("aria-pressed", String(chosen.has(state)));
      button.classList.toggle("counter-out", chosen.size > 0 && !chosen.has(state));
      const name = desk.t(`state.${STATES[state]}`);
      const label = desk.t("counters.button", { state: name, count: desk.counts[state] });
      if (button.getAttribute("aria-label") !== label) button.setAttribute("aria-label", label);
      button.title = desk.t(`state.${STATES[state]}.means`);
    });
    chip.chip.hidden = !desk.filter.active;
    if (desk.filter.active) chip.text.textContent = this.#describe();
  }

  #describe() {
    const { desk } = this;
    const states = [...desk.filter.states].sort().map((state) => desk.t(`state.${STATES[state]}`));
    const parts = [];
    if (states.length > 0) parts.push(states.join(desk.t("filter.or")));
    if (desk.filter.query.trim() !== "")
      parts.push(desk.t("filter.query", { query: desk.filter.query.trim() }));
    return desk.t("filter.showing", {
      what: parts.join(desk.t("filter.and")),
      shown: desk.shownCount,
      total: desk.narrowed ? desk.store.count : desk.total,
    });
  }
}
