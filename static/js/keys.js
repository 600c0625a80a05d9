/**
 * Keyboard shortcuts of one key, and the dialog that lists them and can turn them off (WCAG 2.1.4).
 */

/** @typedef {import("./desk.js").Desk} Desk */

/** True when keys belong to what has the focus. @param {EventTarget | null} target */
function isTyping(target) {
  return (
    target instanceof Element &&
    target.closest("input, select, textarea, dialog[open], [contenteditable]") !== null
  );
}

/**
 * @param {Desk} desk
 * @param {Record<string, () => void>} actions by key, as KeyboardEvent.key gives it in lower case
 * @param {() => void} onEscape
 */
export function setUpKeys(desk, actions, onEscape) {
  document.addEventListener("keydown", (event) => {
    if (
      event.defaultPrevented ||
      event.ctrlKey ||
      event.altKey ||
      event.metaKey ||
      event.isComposing
    )
      return;
    if (isTyping(event.target)) return;
    if (event.key === "Escape") {
      onEscape();
      return;
    }
    const action = Object.hasOwn(actions, event.key.toLowerCase())
      ? actions[event.key.toLowerCase()]
      : null;
    if (!desk.keys.value || !action) return;
    event.preventDefault();
    action();
  });
}

/**
 * @param {Desk} desk @param {HTMLDialogElement} dialog
 * @param {{open: HTMLElement, close: HTMLElement, enabled: HTMLInputElement}} elements
 */
export function setUpHelp(desk, dialog, { open, close, enabled }) {
  const show = () => {
    if (!dialog.open) dialog.showModal();
  };
  open.addEventListener("click", show);
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  enabled.checked = desk.keys.value;
  enabled.addEventListener("change", () => {
    desk.keys.value = enabled.checked;
  });
  return show;
}
