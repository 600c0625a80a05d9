/**
 * Keys while a replay is open. Those that act on live vehicles do nothing then.
 */

/** Keys of the live page whose effect could not be seen. */
const LIVE_KEYS = ["j", "k", "c", "l", "t", "b", "r", "/"];

/**
 * @param {() => boolean} isOpen @param {() => boolean} isEnabled single-key shortcuts are on
 * @param {{close: () => void, toggle: () => void, stop: (step: 1 | -1) => void,
 *   follow: () => void}} on
 */
export function setUpShortcuts(isOpen, isEnabled, on) {
  /** @type {Record<string, () => void>} */
  const actions = { ",": () => on.stop(-1), ".": () => on.stop(1), f: on.follow, " ": on.toggle };
  const act = (/** @type {KeyboardEvent} */ event) => {
    if (!isOpen() || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    const focus = event.target instanceof Element ? event.target : null;
    if (focus?.closest("input, select, textarea, dialog[open]")) return;
    const key = event.key.toLowerCase();
    // The space bar presses the button that has the focus.
    if (key === " " && focus?.closest("button, a, summary")) return;
    if (key === "escape") on.close();
    else if (Object.hasOwn(actions, key) && isEnabled()) actions[key]();
    else if (!LIVE_KEYS.includes(key)) return;
    event.preventDefault();
    event.stopPropagation();
  };
  // Before the live page's own keys.
  document.addEventListener("keydown", act, true);
}
