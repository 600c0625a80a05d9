/**
 * Which layout the page has, what its docks cover of the map, and small things of the page's frame.
 */

/** Below this width the page has its phone layout; the style sheets say the same. */
export const SMALL_SCREEN = window.matchMedia("(max-width: 767.98px)");

/** The viewer asked the system for less movement. */
export const REDUCED_MOTION = window.matchMedia("(prefers-reduced-motion: reduce)");

/** @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
}

/**
 * What lies over each edge of the map, px.
 * @param {HTMLElement} map
 * @param {{dock: HTMLElement, details: HTMLElement, top: HTMLElement}} elements
 * @returns {import("./graticulelabels.js").Insets}
 */
export function mapInsets(map, { dock, details, top }) {
  const frame = map.getBoundingClientRect();
  const insets = { top: 0, right: 0, bottom: 0, left: 0 };
  const dockBox = dock.hidden ? null : dock.getBoundingClientRect();
  const detailsBox = details.hidden ? null : details.getBoundingClientRect();
  if (SMALL_SCREEN.matches) {
    const sheet = detailsBox ?? dockBox;
    // A full sheet covers everything: what is centred then is centred for when it is lowered.
    if (sheet) insets.bottom = Math.min(frame.height * 0.55, Math.max(0, frame.bottom - sheet.top));
    insets.top = Math.max(0, top.getBoundingClientRect().bottom - frame.top);
    return insets;
  }
  if (dockBox) insets.left = Math.max(0, dockBox.right - frame.left);
  if (detailsBox) insets.right = Math.max(0, frame.right - detailsBox.left);
  return insets;
}

/** Copies the text of an element when its copy button is pressed, and says so on the button. */
export function setUpCopyButtons(/** @type {ParentNode} */ root) {
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (
    root.querySelectorAll("[data-copies]")
  )) {
    button.addEventListener("click", () => void copy(button));
  }
}

/** @param {HTMLElement} button */
async function copy(button) {
  const source = byId(button.dataset.copies ?? "");
  try {
    await navigator.clipboard.writeText(source.textContent ?? "");
  } catch {
    // No clipboard outside secure contexts: the text is selected, for the viewer to copy.
    window.getSelection()?.selectAllChildren(source);
    return;
  }
  const use = button.querySelector("use");
  use?.setAttribute("href", "#i-check");
  window.setTimeout(() => use?.setAttribute("href", "#i-copy"), 1500);
}
