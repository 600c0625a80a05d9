/**
 * The search box: filters while one types; Enter selects the only or the first match.
 */

/** @typedef {import("./desk.js").Desk} Desk */

/**
 * @param {Desk} desk @param {HTMLInputElement} input @param {HTMLElement} clear
 */
export function setUpSearch(desk, input, clear) {
  let composing = false;
  const apply = () => {
    clear.hidden = input.value === "";
    if (!composing && input.value !== desk.filter.query) desk.search(input.value);
  };
  // Letters of an unfinished Chinese word are not a query yet.
  input.addEventListener("compositionstart", () => {
    composing = true;
  });
  input.addEventListener("compositionend", () => {
    composing = false;
    apply();
  });
  input.addEventListener("input", apply);
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Enter" && desk.order.slots.length > 0) {
      const [slot] = desk.order.slots;
      desk.select(desk.store.ids[slot]);
      input.blur();
    } else if (event.key === "Escape") {
      if (input.value === "") input.blur();
      input.value = "";
      apply();
      event.stopPropagation();
    }
  });
  clear.addEventListener("click", () => {
    input.value = "";
    apply();
    input.focus();
  });
  desk.filtered.subscribe(() => {
    if (document.activeElement !== input && input.value !== desk.filter.query) {
      input.value = desk.filter.query;
    }
    clear.hidden = input.value === "";
  });
}
